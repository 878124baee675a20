"""When a due date ends: midnight in the team's zone (a personal task's: its creator's), or at its time of day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def due_moment(day: date | None, at: time | None, zone_name: str) -> datetime | None:
    """The moment in UTC; None without a date. The last day of the calendar ends with its last second."""
    if day is None:
        return None
    zone = ZoneInfo(zone_name)
    if at is not None:
        return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
    if day == date.max:
        return datetime.combine(day, time.max, tzinfo=UTC)
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC)
