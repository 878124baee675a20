"""What every page of tasks asks first: who reads, from where on the page is live, and the side bar's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from apps.tasks import selectors
from apps.tasks.querysets import TaskQuerySet
from apps.users.models import User

COUNT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Live:
    """Where live updates go on from: the room, and what was true before the page's queries ran."""

    room: str
    seq: int
    era: str
    epoch: int


def reader_of(request: HttpRequest) -> User:
    """The signed-in person; signed_in_page let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def live_from_now(reader: User, room: str) -> Live:
    """Read this before anything else the page shows, or a change between the two is missed."""
    return Live(
        room=room, seq=selectors.current_seq(), era=selectors.current_era(), epoch=reader.access_epoch
    )


def bounded_count(found: TaskQuerySet) -> str:
    """How many there are, counted up to 1,000: then "1,000+"."""
    count = found[: COUNT_LIMIT + 1].count()
    return f"{COUNT_LIMIT:,}+" if count > COUNT_LIMIT else str(count)


def shell_context(reader: User) -> dict[str, Any]:
    """What the side bar shows of tasks."""
    return {
        "counts": {
            "open": bounded_count(selectors.list_tasks(reader, open_only=True)),
            "mine": bounded_count(selectors.list_tasks(reader, open_only=True, mine=True)),
        },
        "projects": list(selectors.visible_projects(reader)),
    }
