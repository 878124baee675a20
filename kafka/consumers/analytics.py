"""Analytics: facts about tasks, for Flask to count. One row per event, each task as it is now, and who is on it."""

from __future__ import annotations

from collections.abc import Sequence

from consumers.fold import Fold
from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction
from tms_events.types import EVENT_TYPES

TYPES = frozenset(name for name, spec in EVENT_TYPES.items() if spec.aggregate_type == "task")

# All parts read the tables as they were before the statement, so one guard holds for all: events that
# analytics_task knows already change neither the task nor its people.
#
# `since` is the time of the event that brought a person in, after the last one without them: a run of consecutive
# states that reaches the latest. A run that starts with the first news continues what the table has.
FOLD = Fold("""
WITH given AS MATERIALIZED (
    SELECT raw.*, raw.aggregate_id::bigint AS task_id, raw.payload -> 'task' AS task FROM ({given}) AS raw
),
news AS MATERIALIZED (
    SELECT given.*,
           row_number() OVER (PARTITION BY given.task_id ORDER BY given.version) AS place,
           count(*) OVER (PARTITION BY given.task_id) AS places
    FROM given LEFT JOIN analytics_task known ON known.task_id = given.task_id
    WHERE known.version IS NULL OR given.version > known.version
),
facts AS (
    INSERT INTO analytics_event (event_id, seq, type, task_id, team_id, project_id, actor_id, at,
                                 from_category, to_category)
    SELECT event_id, seq, type, task_id, (task ->> 'team')::bigint, (task ->> 'project')::bigint, actor, occurred_at,
           CASE WHEN type = 'task.status_changed' THEN payload #>> '{from,category}' END,
           CASE type WHEN 'task.status_changed' THEN payload #>> '{to,category}'
                     WHEN 'task.created' THEN task #>> '{status,category}' END
    FROM given ORDER BY seq
    ON CONFLICT (event_id) DO NOTHING
),
tasks AS (
    INSERT INTO analytics_task AS known (task_id, version, team_id, project_id, creator_id, status, category, priority,
                                         due_at, estimated_hours, actual_hours, created_at, completed_at, archived_at)
    SELECT task_id, version, (task ->> 'team')::bigint, (task ->> 'project')::bigint, (task ->> 'creator')::bigint,
           task #>> '{status,name}', task #>> '{status,category}', task ->> 'priority',
           (task ->> 'due_at')::timestamptz, (task ->> 'estimated_hours')::numeric, (task ->> 'actual_hours')::numeric,
           (task ->> 'created_at')::timestamptz, (task ->> 'completed_at')::timestamptz,
           (task ->> 'archived_at')::timestamptz
    FROM news WHERE place = places ORDER BY task_id
    ON CONFLICT (task_id) DO UPDATE SET
        version = excluded.version, team_id = excluded.team_id, project_id = excluded.project_id,
        creator_id = excluded.creator_id, status = excluded.status, category = excluded.category,
        priority = excluded.priority, due_at = excluded.due_at, estimated_hours = excluded.estimated_hours,
        actual_hours = excluded.actual_hours, created_at = excluded.created_at,
        completed_at = excluded.completed_at, archived_at = excluded.archived_at
    WHERE known.version < excluded.version
),
present AS (
    SELECT task_id, person.id::bigint AS user_id, place, places, occurred_at,
           place - row_number() OVER (PARTITION BY task_id, person.id ORDER BY place) AS run
    FROM news CROSS JOIN LATERAL jsonb_array_elements_text(task -> 'assignees') AS person(id)
),
assigned AS MATERIALIZED (
    SELECT task_id, user_id, min(place) AS first_place, (array_agg(occurred_at ORDER BY place))[1] AS since
    FROM present GROUP BY task_id, user_id, run, places HAVING max(place) = places
),
gone AS (
    DELETE FROM analytics_assignment old USING news
    WHERE news.place = news.places AND old.task_id = news.task_id
      AND NOT news.task -> 'assignees' @> to_jsonb(old.user_id)
)
INSERT INTO analytics_assignment AS old (task_id, user_id, since)
SELECT assigned.task_id, assigned.user_id,
       CASE WHEN first_place = 1 THEN coalesce(before.since, assigned.since) ELSE assigned.since END
FROM assigned LEFT JOIN analytics_assignment before USING (task_id, user_id)
ORDER BY assigned.task_id, assigned.user_id
ON CONFLICT (task_id, user_id) DO UPDATE SET since = excluded.since WHERE old.since IS DISTINCT FROM excluded.since
""")


def handle(batch: Sequence[StoredEvent], tx: Transaction) -> None:
    """Bring the fact tables up to `batch`; a repeat changes nothing."""
    FOLD.over_batch(batch, tx)
