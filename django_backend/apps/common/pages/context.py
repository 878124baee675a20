"""What every page's shell needs: which place of the side bar is current, and the reader's theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

THEMES = ("light", "dark")
# Names of pages -> the entry of the side bar they belong to.
PLACES = {
    "inbox": "inbox",
    "activity": "activity",
    "task-list": "tasks",
    "task-new": "tasks",
    "task": "tasks",
}


@dataclass(frozen=True, slots=True)
class Shell:
    """`theme` is empty where the operating system decides."""

    place: str
    theme: str


def shell(request: HttpRequest) -> dict[str, Any]:
    """Reads the address and a cookie, never the database: error pages use it too."""
    match = request.resolver_match
    place = PLACES.get(match.url_name or "", "") if match else ""
    if place == "tasks" and match and match.url_name == "task-list" and request.GET.get("mine"):
        place = "mine"
    theme = request.COOKIES.get("theme", "")
    return {"shell": Shell(place=place, theme=theme if theme in THEMES else "")}
