"""Time in words, in the reader's zone: pure functions, shared by the pages. static/daybook/words.js says the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Due:
    """How a due date reads: `state` is late, today, none or empty; `group` is the heading it stands under."""

    words: str
    state: str
    group: str


def day_words(day: date, today: date) -> str:
    """Thu 26 Nov; the year only where it is not this one."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}{year}"


def near_day_words(day: date, today: date) -> str:
    """Today, Tomorrow, Yesterday, or the date."""
    near = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}
    return near.get((day - today).days) or day_words(day, today)


def moment_words(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """just now, 5 min ago, today, 09:31, yesterday, 16:12, Mon 16 Nov."""
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < HOUR:
        return f"{int(seconds // 60)} min ago"
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (today - local.date()).days
    if days <= 1:
        return f"{'yesterday' if days else 'today'}, {local:%H:%M}"
    return day_words(local.date(), today)


def due_words(
    day: date | None, at: datetime | None, clock: time | None, *, closed: bool, now: datetime, zone: ZoneInfo
) -> Due:
    """`at` is the moment the due date ends. A due time is told in the reader's zone, a bare date as it is."""
    if day is None or at is None:
        return Due("No date", "none", "none")
    today = now.astimezone(zone).date()
    local = at.astimezone(zone)
    shown = local.date() if clock else day
    late = at <= now
    words = near_day_words(shown, today) + (f", {local:%H:%M}" if clock else "")
    if late and not closed:
        return Due(_late_words((today - shown).days, local if clock else None), "late", "late")
    state = "today" if shown == today and not closed else ""
    return Due(words, state, "late" if late else group_of(shown, today))


def group_of(day: date, today: date) -> str:
    """today, week (up to this Sunday) or later. A day that is past but not late counts as today."""
    if day <= today:
        return "today"
    sunday = today + timedelta(days=6 - today.weekday())
    return "week" if day <= sunday else "later"


def _late_words(days: int, since: datetime | None) -> str:
    if days <= 0 and since is not None:
        return f"Late since {since:%H:%M}"
    return "1 day late" if days <= 1 else f"{days} days late"
