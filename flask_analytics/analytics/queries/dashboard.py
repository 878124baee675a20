"""The dashboard's figures. Archived tasks are in none of them but the days: what happened, happened."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from analytics.database import Connection
from analytics.scope import Scope

DAYS = 30

# Two branches, so that each finds its index: an OR over both would read the whole table.
VISIBLE_TASKS = """
visible AS (
    SELECT t.* FROM analytics_task t
    WHERE t.archived_at IS NULL AND (%(everything)s OR t.project_id = ANY(%(projects)s::bigint[]))
    UNION ALL
    SELECT t.* FROM analytics_task t
    WHERE t.archived_at IS NULL AND t.project_id IS NULL AND NOT %(everything)s AND t.task_id IN (
        SELECT task_id FROM analytics_task WHERE creator_id = %(personal_of)s AND project_id IS NULL
        UNION
        SELECT task_id FROM analytics_assignment WHERE user_id = %(personal_of)s)
)
"""

VISIBLE_EVENTS = """
visible AS (
    SELECT e.type, e.at, e.from_category, e.to_category FROM analytics_event e
    WHERE e.at >= %(since)s AND (%(everything)s OR e.project_id = ANY(%(projects)s::bigint[]))
    UNION ALL
    SELECT e.type, e.at, e.from_category, e.to_category FROM analytics_event e
    JOIN analytics_task t ON t.task_id = e.task_id AND t.project_id IS NULL
    WHERE e.at >= %(since)s AND e.project_id IS NULL AND NOT %(everything)s AND t.task_id IN (
        SELECT task_id FROM analytics_task WHERE creator_id = %(personal_of)s AND project_id IS NULL
        UNION
        SELECT task_id FROM analytics_assignment WHERE user_id = %(personal_of)s)
)
"""


class Figure(BaseModel):
    """A result row, and the shape it goes out in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Totals(Figure):
    """`overdue` are open tasks whose due moment has come. Hours are sums over all of `total`, as decimal strings."""

    total: int
    open: int
    done: int
    cancelled: int
    overdue: int
    hours_estimated: Decimal
    hours_actual: Decimal


class CategoryCount(Figure):
    category: str
    total: int


class PriorityCount(Figure):
    """`open` are those of `total` that are neither done nor cancelled."""

    priority: str
    total: int
    open: int


class DayCount(Figure):
    """What happened on one UTC day. A task reopened and done again is done twice."""

    date: date
    created: int
    done: int


COUNT_TOTALS = f"""
WITH {VISIBLE_TASKS}
SELECT count(*) AS total,
       count(*) FILTER (WHERE category NOT IN ('done', 'cancelled')) AS open,
       count(*) FILTER (WHERE category = 'done') AS done,
       count(*) FILTER (WHERE category = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE category NOT IN ('done', 'cancelled') AND due_at <= %(now)s) AS overdue,
       coalesce(sum(estimated_hours), 0)::numeric(20, 2) AS hours_estimated,
       coalesce(sum(actual_hours), 0)::numeric(20, 2) AS hours_actual
FROM visible
"""

COUNT_BY_CATEGORY = f"""
WITH {VISIBLE_TASKS}
SELECT known.category, count(visible.task_id) AS total
FROM unnest(ARRAY['todo', 'in_progress', 'blocked', 'done', 'cancelled']) WITH ORDINALITY AS known(category, place)
LEFT JOIN visible ON visible.category = known.category
GROUP BY known.category, known.place ORDER BY known.place
"""

COUNT_BY_PRIORITY = f"""
WITH {VISIBLE_TASKS}
SELECT known.priority, count(visible.task_id) AS total,
       count(visible.task_id) FILTER (WHERE visible.category NOT IN ('done', 'cancelled')) AS open
FROM unnest(ARRAY['low', 'medium', 'high', 'urgent']) WITH ORDINALITY AS known(priority, place)
LEFT JOIN visible ON visible.priority = known.priority
GROUP BY known.priority, known.place ORDER BY known.place
"""

COUNT_BY_DAY = f"""
WITH {VISIBLE_EVENTS},
counted AS (
    SELECT (at AT TIME ZONE 'UTC')::date AS date,
           count(*) FILTER (WHERE type = 'task.created') AS created,
           count(*) FILTER (WHERE to_category = 'done' AND from_category IS DISTINCT FROM 'done') AS done
    FROM visible GROUP BY 1
)
SELECT day::date AS date, coalesce(created, 0) AS created, coalesce(done, 0) AS done
FROM generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp, interval '1 day') AS day
LEFT JOIN counted ON counted.date = day::date
ORDER BY day
"""


def count_totals(connection: Connection, scope: Scope, now: datetime) -> Totals:
    with connection.cursor(row_factory=class_row(Totals)) as cursor:
        totals = cursor.execute(COUNT_TOTALS, {**_who(scope), "now": now}).fetchone()
    assert totals is not None  # an aggregate without GROUP BY always has its row
    return totals


def count_by_category(connection: Connection, scope: Scope) -> list[CategoryCount]:
    """All five categories in the order of work, zeros included."""
    with connection.cursor(row_factory=class_row(CategoryCount)) as cursor:
        return cursor.execute(COUNT_BY_CATEGORY, _who(scope)).fetchall()


def count_by_priority(connection: Connection, scope: Scope) -> list[PriorityCount]:
    """All four priorities from low to urgent, zeros included."""
    with connection.cursor(row_factory=class_row(PriorityCount)) as cursor:
        return cursor.execute(COUNT_BY_PRIORITY, _who(scope)).fetchall()


def count_by_day(connection: Connection, scope: Scope, first: datetime, last: datetime) -> list[DayCount]:
    """Every UTC day from `first` to `last` (midnights), zeros included."""
    days = {"since": first, "first_day": first.replace(tzinfo=None), "last_day": last.replace(tzinfo=None)}
    with connection.cursor(row_factory=class_row(DayCount)) as cursor:
        return cursor.execute(COUNT_BY_DAY, {**_who(scope), **days}).fetchall()


def _who(scope: Scope) -> dict[str, Any]:
    return {
        "everything": scope.everything,
        "projects": list(scope.projects),
        "personal_of": scope.personal_of,
    }
