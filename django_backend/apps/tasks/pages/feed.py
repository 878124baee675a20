"""Lines of the activity feed and the inbox, by day, each with its person, its sentence and its link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone

from apps.common.models import Activity, Notification
from apps.common.pages.words import near_day_words
from apps.tasks import selectors
from apps.users.models import User

# What somebody did, by event type. {to} is where it went, {user} the person concerned, {name} what was made.
SENTENCES = {
    "task.created": "made",
    "task.updated": "changed",
    "task.status_changed": "moved to {to}:",
    "task.priority_changed": "set to {to} priority:",
    "task.assigned": "assigned {user} to",
    "task.unassigned": "took {user} off",
    "task.due_changed": "changed the due date of",
    "comment.added": "commented on",
    "comment.edited": "edited a comment on",
    "comment.deleted": "deleted a comment on",
    "team.created": "made the team {name}",
    "member.added": "added {user} to the team",
    "member.removed": "took {user} out of the team",
    "member.role_changed": "changed the role of {user} in the team",
    "project.created": "made the project {name}",
    "project.member_added": "added {user} to a project",
}
OF_ONESELF = {
    "task.assigned": "took on",
    "task.unassigned": "left",
    "project.member_added": "joined a project",
}
NOTICES = {"assigned": "assigned you"}


@dataclass(frozen=True, slots=True)
class Line:
    """`task` is the task's number and title as they were then; empty where the fact is of no task."""

    actor: User | None
    sentence: str
    task: str
    url: str
    at: datetime
    said: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    title: str
    lines: list[Line]


def activity_lines(rows: Sequence[Activity], reader: User) -> list[Day]:
    """The feed's rows, newest first."""
    named = {row.data.get("user") for row in rows} | {row.actor_id for row in rows}
    people = selectors.people_by_id(named)

    def line(row: Activity) -> Line:
        return _line(row, people, _sentence(row, people), row.data.get("excerpt", ""))

    return _by_day([line(row) for row in rows], reader)


def notification_lines(rows: Sequence[Notification], reader: User) -> list[Day]:
    """The inbox's rows, newest first."""
    people = selectors.people_by_id(row.actor_id for row in rows)
    lines = [_line(row, people, NOTICES.get(row.kind, row.kind), "") for row in rows]
    return _by_day(lines, reader)


def _line(row: Activity | Notification, people: Mapping[int, User], sentence: str, said: str) -> Line:
    ref = row.data.get("key") or (str(row.task_id) if row.task_id else "")
    return Line(
        actor=people.get(row.actor_id) if row.actor_id is not None else None,
        sentence=sentence,
        task=f"{ref} {row.data.get('title', '')}".strip(),
        url=reverse("task", args=[ref]) + _anchor(row.data) if ref else "",
        at=row.at,
        said=said,
    )


def _anchor(data: Mapping[str, Any]) -> str:
    return f"#comment-{data['comment']}" if data.get("comment") else ""


def _sentence(row: Activity, people: Mapping[int, User]) -> str:
    """A type that this page does not know yet is told by its name rather than left out."""
    user_id = row.data.get("user")
    person = people.get(user_id) if isinstance(user_id, int) else None
    if person is not None and person.pk == row.actor_id and row.type in OF_ONESELF:
        return OF_ONESELF[row.type]
    words = {
        "to": _to_words(row.data.get("to")),
        "user": person.display_name if person else "somebody",
        "name": row.data.get("project") or row.data.get("team") or "",
    }
    return SENTENCES.get(row.type, row.type.replace(".", " ").replace("_", " ")).format(**words)


def _to_words(to: Any) -> str:
    if isinstance(to, dict):
        return str(to.get("name") or "")
    return str(to or "")


def _by_day(lines: list[Line], reader: User) -> list[Day]:
    zone = ZoneInfo(reader.time_zone)
    today = timezone.now().astimezone(zone).date()
    day_of: Callable[[Line], Any] = lambda line: line.at.astimezone(zone).date()  # noqa: E731
    return [Day(near_day_words(day, today), list(found)) for day, found in groupby(lines, key=day_of)]
