"""A task's thread: comments with the history folded in, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from apps.common.pages.words import near_day_words
from apps.tasks.models import Comment, History
from apps.users.models import User

VIEWS = ("everything", "comments", "history")


@dataclass(frozen=True, slots=True)
class Happening:
    """One fact of the history. `old` and `new` are what its sentence shows: statuses, names or plain words."""

    type: str
    version: int
    at: datetime
    actor: User | None
    old: Any
    new: Any
    is_self: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the thread: either a comment or a happening."""

    at: datetime
    version: int
    comment: Comment | None = None
    happening: Happening | None = None


def weave(
    comments: Sequence[Comment],
    history: Sequence[History],
    people: Mapping[int, User],
    *,
    view: str,
    now: datetime,
    zone: ZoneInfo,
) -> list[Entry]:
    """Comments and history in one order. What happened to comments is told by the comments themselves."""
    entries: list[Entry] = []
    if view != "history":
        entries += [Entry(comment.created_at, comment.version, comment=comment) for comment in comments]
    if view != "comments":
        told = [row for row in history if row.type.startswith("task.")]
        happenings = [_happening(row, people, now, zone) for row in told]
        entries += [Entry(event.at, event.version, happening=event) for event in happenings]
    return sorted(entries, key=lambda entry: (entry.at, entry.version))


def concerned_ids(history: Sequence[History]) -> set[int | None]:
    """Everyone a history names: who did it, and who was assigned or taken off."""
    return {row.actor_id for row in history} | {_user_of(row) for row in history}


def _happening(row: History, people: Mapping[int, User], now: datetime, zone: ZoneInfo) -> Happening:
    old, new = row.old, row.new
    is_self = False
    if row.type == "task.due_changed":
        old, new = _due_words(old, now, zone), _due_words(new, now, zone)
    elif row.type in ("task.assigned", "task.unassigned"):
        person = _person(_user_of(row), people)
        is_self = row.actor_id == _user_of(row)
        new = person.display_name if person else "somebody who left"
    actor = _person(row.actor_id, people)
    return Happening(row.type, row.version, row.at, actor, old, new, is_self)


def _person(user_id: int | None, people: Mapping[int, User]) -> User | None:
    return people.get(user_id) if user_id is not None else None


def _user_of(row: History) -> int | None:
    """Whom an assignment or its end concerns; None for other facts."""
    side = row.new or row.old
    user_id = side.get("user") if isinstance(side, dict) else None
    return user_id if isinstance(user_id, int) else None


def _due_words(state: Mapping[str, str | None] | None, now: datetime, zone: ZoneInfo) -> str:
    """`state` is {date, time, at} as events carry it. A time of day is told in the reader's zone."""
    if not state or not state["date"]:
        return "none"
    today = now.astimezone(zone).date()
    if state["time"] and state["at"]:
        local = datetime.fromisoformat(state["at"]).astimezone(zone)
        return f"{near_day_words(local.date(), today)}, {local:%H:%M}"
    return near_day_words(date.fromisoformat(state["date"]), today)
