"""What a test compares after an operation: the rows, the history and the events of one task."""

from __future__ import annotations

from typing import Any

from apps.common.models import EventPending, EventRow
from apps.tasks.models import History, Task


def events_of(task: Task) -> list[EventRow]:
    """The task's events in the order of their versions."""
    return list(EventRow.objects.filter(aggregate_type="task", aggregate_id=str(task.pk)).order_by("version"))


def event_types(task: Task) -> list[str]:
    return [event.type for event in events_of(task)]


def assert_whole(task: Task, *, pending: bool = True) -> None:
    """Versions are contiguous, each event has its history row and waits for the relay; the row is at the last one."""
    events = events_of(task)
    history = list(History.objects.filter(task_id=task.pk).order_by("version"))
    task.refresh_from_db()
    assert [event.version for event in events] == list(range(1, task.version + 1))
    assert [(entry.event_id, entry.version, entry.type) for entry in history] == [
        (event.event_id, event.version, event.type) for event in events
    ]
    assert [(entry.actor_id, entry.at, entry.correlation_id) for entry in history] == [
        (event.actor, event.occurred_at, event.correlation_id) for event in events
    ]
    if pending:
        waiting = set(EventPending.objects.values_list("event", flat=True))
        assert {event.pk for event in events} <= waiting


def trace(task: Task) -> dict[str, Any]:
    """Row, history and events without ids and times, for comparing what two doors did."""
    task.refresh_from_db()
    comments = list(task.comments.order_by("id"))
    names_of_comments = {comment.pk: f"comment {index}" for index, comment in enumerate(comments)}
    return {
        "row": _without(
            {
                field.attname: getattr(task, field.attname)
                for field in Task._meta.concrete_fields
                if field.attname not in ("id", "number", "created_at", "updated_at", "completed_at")
            }
        ),
        "completed": task.completed_at is not None,
        "assignments": [
            (a.user_id, a.role, a.assigned_by_id) for a in task.assignments.order_by("assigned_at", "id")
        ],
        "comments": [
            (c.author_id, c.body, c.edited_at is not None, c.deleted_at is not None, c.version)
            for c in comments
        ],
        "history": [
            (
                h.version,
                h.type,
                h.actor_id,
                _plain(h.old, names_of_comments),
                _plain(h.new, names_of_comments),
            )
            for h in History.objects.filter(task_id=task.pk).order_by("version")
        ],
        "events": [
            (
                e.version,
                e.type,
                e.topic,
                e.actor,
                e.schema_version,
                _plain(e.payload, names_of_comments),
            )
            for e in events_of(task)
        ],
    }


VOLATILE = ("created_at", "completed_at", "number", "key")


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in VOLATILE}


def _plain(value: Any, comments: dict[int, str], inside: str = "") -> Any:
    """The value with the ids of its task and comments replaced: `inside` is the field that holds it."""
    if isinstance(value, list):
        return [_plain(inner, comments) for inner in value]
    if inside == "comment" and isinstance(value, int):
        return comments[value]
    if not isinstance(value, dict):
        return value
    plain = {
        name: ("set" if inner else None) if name in VOLATILE else _plain(inner, comments, name)
        for name, inner in value.items()
    }
    if inside == "task":
        plain["id"] = "the task"
    elif inside == "comment":
        plain["id"] = comments[value["id"]]
    return plain
