"""The list by due date: pages that follow each other, and groups by how near the date is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from apps.common.api.pagination import Page, keyset_page
from apps.common.errors import Invalid
from apps.common.pages.templatetags.daybook import due_of
from apps.tasks.models import Task
from apps.tasks.querysets import TaskQuerySet

PAGE_SIZE = 50
BY_DUE = ("due_at", "id")
NEWEST_FIRST = ("-created_at", "-id")
GROUPS = {"late": "Overdue", "today": "Today", "week": "This week", "later": "Later", "none": "No date"}


@dataclass(frozen=True, slots=True)
class Group:
    """The tasks under one heading; `is_late` colours it."""

    key: str
    title: str
    is_late: bool
    tasks: list[Task] = field(default_factory=list)


def page_by_due(found: TaskQuerySet, cursor: str | None, limit: int = PAGE_SIZE) -> Page[Task]:
    """Dated tasks by when they are due, then those without a date, newest first.

    Two keyset scans, because a sort key may not be null: the cursor's first letter says in which of them it stands.
    """
    if cursor and cursor[0] not in "du":
        raise Invalid("This cursor is not one of ours.", code="invalid_cursor")
    if cursor and cursor[0] == "u":
        return _undated(found, cursor[1:] or None, limit)
    dated = keyset_page(
        found.filter(due_at__isnull=False), BY_DUE, cursor=cursor[1:] if cursor else None, limit=limit
    )
    if dated.next_cursor:
        return Page(dated.rows, "d" + dated.next_cursor)
    if len(dated.rows) == limit:
        return Page(dated.rows, "u" if found.filter(due_at__isnull=True).exists() else None)
    rest = _undated(found, None, limit - len(dated.rows))
    return Page(dated.rows + rest.rows, rest.next_cursor)


def group_by_due(tasks: list[Task], *, now: datetime, zone: ZoneInfo, open_only: bool) -> list[Group]:
    """The groups that have tasks, in their order. A list with closed tasks in it calls past dates just that."""
    groups = {
        key: Group(
            key, "Past dates" if key == "late" and not open_only else title, key == "late" and open_only
        )
        for key, title in GROUPS.items()
    }
    for task in tasks:
        groups[due_of(task, now, zone).group].tasks.append(task)
    return [group for group in groups.values() if group.tasks]


def _undated(found: TaskQuerySet, cursor: str | None, limit: int) -> Page[Task]:
    page = keyset_page(found.filter(due_at__isnull=True), NEWEST_FIRST, cursor=cursor, limit=limit)
    return Page(page.rows, "u" + page.next_cursor if page.next_cursor else None)
