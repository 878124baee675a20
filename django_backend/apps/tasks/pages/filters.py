"""The list's filters: from the address to plain values, and what of them is shown to be taken away again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from apps.common.errors import Invalid
from apps.tasks.models import Category, Project
from apps.tasks.models.task import PRIORITY_KEYS
from apps.users.models import User

SHOWS = ("open", "all")
TEXT_LENGTH = 200
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Pick:
    """One filter that is on, in words, and the query without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Filters:
    project_id: int | None
    categories: tuple[str, ...]
    priorities: tuple[str, ...]
    assignee_ids: tuple[int, ...]
    text: str
    mine: bool
    show: str

    @property
    def open_only(self) -> bool:
        """Unless closed tasks were asked for, by name of a status or by show=all."""
        return self.show == "open" and not self.categories

    @property
    def narrows(self) -> bool:
        """Whether anything beyond the tab (open, mine, all) hides tasks."""
        return bool(self.project_id or self.categories or self.priorities or self.assignee_ids or self.text)

    @property
    def room(self) -> str:
        return f"project:{self.project_id}" if self.project_id else "me"

    @property
    def tab(self) -> str:
        if self.mine:
            return "mine"
        if self.categories == (Category.DONE.value,):
            return "done"
        return "all" if self.show == "all" else "open"

    def selection(self) -> dict[str, Any]:
        """As `list_tasks` takes them."""
        return {
            "project_id": self.project_id,
            "categories": self.categories,
            "priorities": self.priorities,
            "assignee_ids": self.assignee_ids,
            "text": self.text,
            "open_only": self.open_only,
            "mine": self.mine,
        }

    def for_script(self) -> str:
        """The same as JSON, for list.js to decide whether a changed task belongs here."""
        return json.dumps(self.selection() | {"narrows": self.narrows})


def read_filters(query: QueryDict, reader: User) -> Filters:
    """Raises Invalid for a filter that means nothing: ignoring it would show more than was asked for."""
    project = _ids(query.getlist("project"), "project")
    if len(project) > 1:
        raise Invalid("Filter by one project at a time.", code="invalid_filter")
    assignees = [str(reader.pk) if value == "me" else value for value in query.getlist("assignee")]
    return Filters(
        project_id=project[0] if project else None,
        categories=_choices(query.getlist("category"), "category", Category.values),
        priorities=_choices(query.getlist("priority"), "priority", PRIORITY_KEYS),
        assignee_ids=_ids(assignees, "assignee"),
        text=query.get("q", "").replace("\x00", "").strip()[:TEXT_LENGTH],
        mine=query.get("mine", "") == "1",
        show=_choices([query.get("show") or "open"], "show", SHOWS)[0],
    )


def picks(filters: Filters, query: QueryDict, projects: list[Project], people: list[User]) -> list[Pick]:
    """The filters that are on, each with the way to take it off."""
    names = {person.pk: person.display_name for person in people}
    keys = {project.pk: project.name for project in projects}
    found = []
    if filters.project_id:
        found.append(Pick(keys.get(filters.project_id, "this project"), _without(query, "project")))
    if filters.categories:
        labels = [str(Category(category).label) for category in filters.categories]
        found.append(Pick(_either(labels).lower(), _without(query, "category")))
    if filters.priorities:
        found.append(Pick(f"{_either(list(filters.priorities))} priority", _without(query, "priority")))
    if filters.assignee_ids:
        who = [names.get(user_id, "somebody else") for user_id in filters.assignee_ids]
        found.append(Pick(f"assigned to {_either(who)}", _without(query, "assignee")))
    if filters.text:
        found.append(Pick(f"“{filters.text}”", _without(query, "q")))
    return found


def _without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    for key in (name, "cursor", "jump"):
        rest.pop(key, None)
    return "?" + rest.urlencode()


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _ids(values: list[str], name: str) -> tuple[int, ...]:
    given = [value for value in values if value]
    if not all(
        value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= MAX_ID for value in given
    ):
        raise Invalid(f"The filter {name} takes ids.", code="invalid_filter")
    return tuple(int(value) for value in given)


def _choices(values: list[str], name: str, allowed: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    if not set(values) <= set(allowed):
        raise Invalid(f"The filter {name} takes one of: {', '.join(allowed)}.", code="invalid_filter")
    return tuple(dict.fromkeys(values))
