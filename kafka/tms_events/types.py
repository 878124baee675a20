"""The closed list of event types: which topic each travels on and whose aggregate it belongs to.

A fact without a row of its own (a failed sign-in, a refused access) is its own aggregate of type "fact":
its id is the event's id, its version 1.
"""

from __future__ import annotations

from dataclasses import dataclass

FACT = "fact"


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of fact; `name` is what the envelope calls `type`."""

    name: str
    topic: str
    aggregate_type: str
    schema_version: int = 1


def _types(topic: str, aggregate_type: str, *names: str) -> list[EventType]:
    return [EventType(name, topic, aggregate_type) for name in names]


_ALL = [
    *_types(
        "task-events",
        "task",
        "task.created",
        "task.updated",
        "task.status_changed",
        "task.priority_changed",
        "task.assigned",
        "task.unassigned",
        "task.due_changed",
        "comment.added",
        "comment.edited",
        "comment.deleted",
    ),
    *_types(
        "user-activities",
        "user",
        "user.registered",
        "user.signed_in",
        "user.signed_out",
        "user.updated",
        "user.deactivated",
        "user.reactivated",
        "user.erased",
        "token.created",
        "token.revoked",
    ),
    *_types("user-activities", FACT, "user.sign_in_failed", "user.access_denied"),
    *_types(
        "user-activities",
        "team",
        "team.created",
        "member.added",
        "member.removed",
        "member.role_changed",
    ),
    *_types("user-activities", "project", "project.created", "project.member_added"),
    *_types("system-notifications", FACT, "system.dead_letter"),
]

EVENT_TYPES: dict[str, EventType] = {event_type.name: event_type for event_type in _ALL}
