"""What the log says, for tests."""

from __future__ import annotations

from typing import Any

from apps.common.models import EventRow
from apps.users.models import Team, User


def facts(event_type: str | None = None) -> list[dict[str, Any]]:
    """The payloads, in the order of the log, of one type or of all."""
    rows = EventRow.objects.order_by("id")
    if event_type:
        rows = rows.filter(type=event_type)
    return [row.payload for row in rows]


def types_of(aggregate: User | Team) -> list[tuple[int, str]]:
    """(version, type) of one person's or team's events; versions must be contiguous from 1."""
    kind = "user" if isinstance(aggregate, User) else "team"
    rows = EventRow.objects.filter(aggregate_type=kind, aggregate_id=str(aggregate.pk)).order_by("version")
    return [(row.version, row.type) for row in rows]
