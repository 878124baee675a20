"""Reading the event log for open pages: the head, what came after a `seq`, and a room's backlog."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from apps.tasks.live.limits import BACKLOG_EVENTS, BACKLOG_SPAN
from apps.tasks.live.rooms import Room
from tms_events.envelope import Payload

TASK_TOPIC = "task-events"
RIGHTS_TOPIC = "user-activities"  # memberships, projects: what moves rights


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log has been sequenced, and the era in which its numbers mean something."""

    seq: int
    era: UUID


@dataclass(frozen=True, slots=True)
class Fact:
    """One event as the log has it."""

    seq: int
    topic: str
    event_id: UUID
    type: str
    aggregate_type: str
    aggregate_id: str
    version: int
    actor: int | None
    occurred_at: datetime
    payload: Payload

    @property
    def is_about_a_task(self) -> bool:
        return self.topic == TASK_TOPIC

    @property
    def may_move_rights(self) -> bool:
        return self.topic == RIGHTS_TOPIC

    @property
    def task_id(self) -> int:
        return int(self.aggregate_id)


COLUMNS = """o.seq, o.topic, e.event_id, e.type, e.aggregate_type, e.aggregate_id, e.version, e.actor, e.occurred_at,
       e.payload"""
AFTER = f"""
SELECT {COLUMNS}
FROM event_order o JOIN event e ON e.id = o.event
WHERE o.seq > %s ORDER BY o.seq LIMIT %s
"""
BACKLOG = f"""
SELECT {COLUMNS}
FROM event_order o JOIN event e ON e.id = o.event
WHERE o.topic = '{TASK_TOPIC}' AND o.seq > %s AND o.seq <= %s AND {{of_room}}
ORDER BY o.seq LIMIT {BACKLOG_EVENTS + 1}
"""
OF_TASK = "e.aggregate_type = 'task' AND e.aggregate_id = %s"
OF_PROJECT = "(e.payload #>> '{task,project}')::bigint = %s"
# By today's rights, over the task as it is now; and what says that a personal task has just left the view.
OF_ME = """(
    EXISTS (
        SELECT 1 FROM tasks_task t
        WHERE t.id = CASE WHEN e.aggregate_type = 'task' THEN e.aggregate_id::bigint END
          AND (t.project_id = ANY(%s) OR (t.project_id IS NULL AND %s AND (t.creator_id = %s OR EXISTS (
                SELECT 1 FROM tasks_assignment a WHERE a.task_id = t.id AND a.user_id = %s))))
    ) OR (e.type = 'task.unassigned' AND (e.payload ->> 'user')::bigint = %s)
)"""


@dataclass(frozen=True, slots=True)
class View:
    """Whose backlog: plain values, for another thread."""

    user_id: int
    project_ids: tuple[int, ...]
    with_personal: bool


def read_head() -> Head:
    with connection.cursor() as cursor:
        return _head(cursor)


def read_after(seq: int, limit: int) -> tuple[list[Fact], Head]:
    """The next events in order, and the head read after them: the same era as before vouches for the events."""
    with connection.cursor() as cursor:
        cursor.execute(AFTER, [seq, limit])
        facts = _facts(cursor)
        return facts, _head(cursor)


def read_backlog(room: Room, view: View, after: int, upto: int) -> list[Fact] | None:
    """What the room's reader missed, by today's rights; None if it is too long to send."""
    if room.kind != "task" and upto - after > BACKLOG_SPAN:
        return None
    of_room, parameters = _filter(room, view)
    with connection.cursor() as cursor:
        cursor.execute(BACKLOG.replace("{of_room}", of_room), [after, upto, *parameters])
        facts = _facts(cursor)
    return facts if len(facts) <= BACKLOG_EVENTS else None


def _filter(room: Room, view: View) -> tuple[str, Sequence[Any]]:
    if room.kind == "task":
        return OF_TASK, [str(room.object_id)]
    if room.kind == "project":
        return OF_PROJECT, [room.object_id]
    return OF_ME, [list(view.project_ids), view.with_personal, view.user_id, view.user_id, view.user_id]


def _head(cursor: CursorWrapper) -> Head:
    cursor.execute("SELECT last_seq, era FROM sequencer")
    return Head(*cursor.fetchone())


def _facts(cursor: CursorWrapper) -> list[Fact]:
    """Django's cursors give jsonb as text."""
    return [Fact(*(*row[:-1], json.loads(row[-1]))) for row in cursor.fetchall()]
