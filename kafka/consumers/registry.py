"""The consumers, one row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumers import activity_feed, analytics, notifications
from consumers.fold import Fold
from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction

Handle = Callable[[Sequence[StoredEvent], Transaction], None]


@dataclass(frozen=True, slots=True)
class Consumer:
    """`name` is also its group. `tables` are its alone to write, each with the columns that must be equal after a
    rebuild (an identity need not). `ordered`: after an event it could not take, it takes none of that aggregate."""

    name: str
    topics: tuple[str, ...]
    types: frozenset[str]
    handle: Handle
    fold: Fold
    tables: dict[str, str]
    ordered: bool = False


_ALL = (
    Consumer(
        name="activity-feed",
        topics=("task-events", "user-activities"),
        types=activity_feed.TYPES,
        handle=activity_feed.handle,
        fold=activity_feed.FOLD,
        tables={"activity": "event_id, seq, type, actor_id, at, team_id, project_id, task_id, data"},
    ),
    Consumer(
        name="notifications",
        topics=("task-events",),
        types=notifications.TYPES,
        handle=notifications.handle,
        fold=notifications.FOLD,
        tables={
            "notification": "event_id, recipient_id, kind, topic, partition, seq, actor_id, at, team_id, project_id, "
            "task_id, data"
        },
    ),
    Consumer(
        name="analytics",
        topics=("task-events",),
        types=analytics.TYPES,
        handle=analytics.handle,
        fold=analytics.FOLD,
        tables={
            "analytics_task": "task_id, version, team_id, project_id, creator_id, status, category, priority, due_at, "
            "estimated_hours, actual_hours, created_at, completed_at, archived_at",
            "analytics_event": "event_id, seq, type, task_id, team_id, project_id, actor_id, at, from_category, "
            "to_category",
            "analytics_assignment": "task_id, user_id, since",
        },
        ordered=True,
    ),
)

CONSUMERS: dict[str, Consumer] = {consumer.name: consumer for consumer in _ALL}
