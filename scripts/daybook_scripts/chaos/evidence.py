"""The evidence: what tables, outbox and observers hold after a run, read in one snapshot as plain values."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

from daybook_scripts.chaos.observer import Sightings

Cursor = psycopg.Cursor[Any]


@dataclass(slots=True)
class Event:
    """`seq` is None while it is pending; `at` is in seconds since 1970."""

    id: int
    event_id: str
    aggregate_type: str
    aggregate_id: str
    version: int
    type: str
    actor: int | None
    correlation_id: str
    topic: str
    partition: int
    payload: dict[str, Any]
    at: float
    seq: int | None
    prev_seq: int | None

    @property
    def is_of_a_task(self) -> bool:
        return self.aggregate_type == "task"

    @property
    def task(self) -> int:
        return int(self.aggregate_id)

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate_type}:{self.aggregate_id} v{self.version} (seq {self.seq})"


@dataclass(slots=True)
class TaskRow:
    """`short` is what analytics_task has to equal."""

    id: int
    project: int | None
    creator: int
    title: str
    description: str
    status: int
    due_date: str | None
    version: int
    people: list[int]
    short: dict[str, Any]


@dataclass(slots=True)
class CommentRow:
    id: int
    task: int
    author: int
    body: str
    is_deleted: bool


@dataclass(slots=True)
class HistoryRow:
    id: int
    event_id: str
    task: int
    version: int
    type: str
    actor: int | None


@dataclass(slots=True)
class DerivedRow:
    """Of the feed or of analytics_event."""

    event_id: str
    seq: int
    type: str
    task: int | None


@dataclass(slots=True)
class NotificationRow:
    id: int
    event_id: str
    recipient: int
    topic: str
    partition: int
    seq: int


@dataclass(slots=True)
class DeliveryRow:
    event_id: str
    recipient: int
    channel: str
    state: str
    message_id: str


@dataclass(slots=True)
class KeyRow:
    actor: int
    key: str
    status: int | None
    object_id: int | None


@dataclass(slots=True)
class Mail:
    message_id: str
    to: str


@dataclass(slots=True)
class Evidence:
    """`set_up_to` is the last event (its id) of the set-up; `emails` people's addresses by id."""

    set_up_to: int = 0
    emails: dict[int, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    tasks: list[TaskRow] = field(default_factory=list)
    comments: list[CommentRow] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)
    feed: list[DerivedRow] = field(default_factory=list)
    analytics_events: list[DerivedRow] = field(default_factory=list)
    analytics_tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    analytics_people: list[tuple[int, int]] = field(default_factory=list)
    notifications: list[NotificationRow] = field(default_factory=list)
    deliveries: list[DeliveryRow] = field(default_factory=list)
    keys: list[KeyRow] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    account_mails: list[Mail] = field(default_factory=list)
    sightings: list[Sightings] = field(default_factory=list)
    dead_letters: int = 0


EVENTS = """
SELECT e.id, e.event_id::text, e.aggregate_type, e.aggregate_id, e.version, e.type, e.actor, e.correlation_id::text,
       e.topic, e.partition, e.payload, extract(epoch FROM e.occurred_at)::float8 AS at, o.seq, o.prev_seq
FROM event e LEFT JOIN event_order o ON o.event = e.id ORDER BY e.id, o.seq
"""
# Both sides in the same words, so that they can be compared as they are.
SHORT_OF_TASK = """jsonb_build_object('version', t.version, 'team', p.team_id, 'project', t.project_id,
    'creator', t.creator_id, 'status', s.name, 'category', t.category,
    'priority', (ARRAY['low', 'medium', 'high', 'urgent'])[t.priority], 'due_at', t.due_at,
    'created_at', t.created_at, 'completed_at', t.completed_at, 'archived_at', t.archived_at)"""
SHORT_OF_ANALYTICS = """jsonb_build_object('version', version, 'team', team_id, 'project', project_id,
    'creator', creator_id, 'status', status, 'category', category, 'priority', priority, 'due_at', due_at,
    'created_at', created_at, 'completed_at', completed_at, 'archived_at', archived_at)"""
TASKS = f"""
SELECT t.id, t.project_id AS project, t.creator_id AS creator, t.title, t.description, t.status_id AS status,
       t.due_date::text, t.version,
       ARRAY(SELECT user_id FROM tasks_assignment a WHERE a.task_id = t.id ORDER BY user_id) AS people,
       {SHORT_OF_TASK} AS short
FROM tasks_task t JOIN tasks_status s ON s.id = t.status_id LEFT JOIN tasks_project p ON p.id = t.project_id
ORDER BY t.id
"""
COMMENTS = """
SELECT id, task_id AS task, author_id AS author, body, deleted_at IS NOT NULL AS is_deleted
FROM tasks_comment ORDER BY id
"""
HISTORY = (
    "SELECT id, event_id::text, task_id AS task, version, type, actor_id AS actor FROM history ORDER BY id"
)
FEED = "SELECT event_id::text, seq, type, task_id AS task FROM activity ORDER BY seq"
ANALYTICS_EVENTS = "SELECT event_id::text, seq, type, task_id AS task FROM analytics_event ORDER BY seq"
NOTIFICATIONS = """
SELECT id, event_id::text, recipient_id AS recipient, topic, partition, seq FROM notification ORDER BY id
"""
DELIVERIES = """
SELECT event_id::text, recipient_id AS recipient, channel, state, message_id FROM tasks_delivery ORDER BY id
"""
# What the set-up's registrations and invitations send, in whose commands nobody is told of anything.
ACCOUNT_MAILS = "SELECT message_id, address AS \"to\" FROM users_accountmail WHERE state = 'sent' ORDER BY id"
KEYS = "SELECT actor_id AS actor, key, status, object_id FROM idempotency ORDER BY id"


def collect(
    cursor: Cursor, outbox: Path, sightings: Sequence[Sightings], emails: dict[int, str], set_up_to: int
) -> Evidence:
    """Read everything; the cursor's transaction decides which snapshot."""
    return Evidence(
        set_up_to=set_up_to,
        emails=emails,
        events=_rows(cursor, Event, EVENTS),
        tasks=_rows(cursor, TaskRow, TASKS),
        comments=_rows(cursor, CommentRow, COMMENTS),
        history=_rows(cursor, HistoryRow, HISTORY),
        feed=_rows(cursor, DerivedRow, FEED),
        analytics_events=_rows(cursor, DerivedRow, ANALYTICS_EVENTS),
        analytics_tasks=dict(
            cursor.execute(f"SELECT task_id, {SHORT_OF_ANALYTICS} FROM analytics_task").fetchall()
        ),
        analytics_people=cursor.execute("SELECT task_id, user_id FROM analytics_assignment").fetchall(),
        notifications=_rows(cursor, NotificationRow, NOTIFICATIONS),
        deliveries=_rows(cursor, DeliveryRow, DELIVERIES),
        keys=_rows(cursor, KeyRow, KEYS),
        mails=read_mails(outbox),
        account_mails=_rows(cursor, Mail, ACCOUNT_MAILS),
        sightings=list(sightings),
        dead_letters=cursor.execute("SELECT count(*) FROM dead_letter").fetchall()[0][0],
    )


def read_mails(outbox: Path) -> list[Mail]:
    """Whole files only: one that is being written has another name."""
    found = []
    for path in sorted(outbox.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append(Mail(str(message["Message-ID"]), str(message["To"])))
    return found


def _rows(cursor: Cursor, shape: type[Any], question: str) -> list[Any]:
    with cursor.connection.cursor(row_factory=class_row(shape)) as shaped:
        return shaped.execute(question).fetchall()
