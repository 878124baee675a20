"""A command, the facts it states, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from daybook_scripts.chaos.doors import Answer

# The log's word for each fact of a task, by what the commands of a run do.
CREATED, UPDATED, DUE, STATUS = "task.created", "task.updated", "task.due_changed", "task.status_changed"
ASSIGNED, UNASSIGNED = "task.assigned", "task.unassigned"
ADDED, EDITED, DELETED = "comment.added", "comment.edited", "comment.deleted"


@dataclass(frozen=True, slots=True)
class Fact:
    """What must have happened: `detail` is what tells it from others of its type on the same task."""

    type: str
    task: int
    actor: int
    detail: Hashable


FactsOf = Callable[[int], tuple[Fact, ...]]


@dataclass(slots=True)
class Command:
    """One command on its way through one door. `facts_of` takes the id that the answer gives the object.

    `on_yes` tells the world of it, `on_end` gives back what it had reserved. Both run in the client's thread. Times are
    monotonic, except `last_sent_by_clock`: it is compared with those in the database.
    """

    number: int
    kind: str
    actor: int
    key: str
    facts_of: FactsOf
    method: str = ""
    path: str = ""
    body: Any = None
    name: str = ""
    args: dict[str, Any] = field(default_factory=dict)
    known_id: int | None = None
    on_yes: Callable[[Command], None] = lambda command: None
    on_end: Callable[[], None] = lambda: None
    attempts: int = 0
    sent_at: float = 0.0
    last_sent_at: float = 0.0
    last_sent_by_clock: float = 0.0
    answered_at: float = 0.0
    answer: Answer | None = None
    doubts: list[str] = field(default_factory=list)

    @property
    def is_over_socket(self) -> bool:
        return bool(self.name)

    @property
    def is_acknowledged(self) -> bool:
        return self.answer is not None and self.answer.is_yes

    @property
    def is_refused(self) -> bool:
        return self.answer is not None and not self.answer.is_yes

    @property
    def object_id(self) -> int:
        """Of an acknowledged command: the task's or comment's id, from the answer or, where it has no body, as sent."""
        if self.known_id is not None:
            return self.known_id
        assert self.answer is not None
        return int(self.answer.body["id"])

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Of an acknowledged command."""
        return self.facts_of(self.object_id)

    def __str__(self) -> str:
        return f"command {self.number} ({self.kind} by {self.actor})"
