"""What the clients of a run know together: the tasks there are, and which of their parts somebody is changing.

Two clients may well edit one task at once; its locks are there to be tried. Only what would make it unknowable which
facts a command states (two moves to the same status) is reserved while a command is under way.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from daybook_scripts.chaos.people import Project


@dataclass(slots=True)
class Task:
    """A task that was acknowledged. `project` is None for a personal one."""

    id: int
    project: Project | None
    creator: int
    status: int | None
    people: set[int]
    busy: set[str] = field(default_factory=set)

    def is_editable_by(self, person: int) -> bool:
        return self.creator == person if self.project is None else person in self.project.editors


class World:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: list[Task] = []
        self._days = 0

    def add(self, task: Task) -> None:
        with self._lock:
            self._tasks.append(task)

    def pick(self, rng: random.Random, suits: Callable[[Task], bool], reserve: str = "") -> Task | None:
        """A task that suits, with the part `reserve` taken until `give_back`; None if there is none."""
        with self._lock:
            found = [task for task in self._tasks if reserve not in task.busy and suits(task)]
            task = rng.choice(found) if found else None
            if task is not None and reserve:
                task.busy.add(reserve)
            return task

    def give_back(self, task: Task, reserved: str) -> None:
        with self._lock:
            task.busy.discard(reserved)

    def next_day(self) -> int:
        """A number that no other caller gets: a due date of one's own."""
        with self._lock:
            self._days += 1
            return self._days
