"""Moves the install between the logs by plan, while commands flow."""

from __future__ import annotations

from daybook_scripts.chaos.loader import Loader
from daybook_scripts.chaos.plan import Plan, switch_points
from daybook_scripts.chaos.stack import Stack


class Switcher:
    """Call `step` often, from the supervisor's thread."""

    def __init__(self, plan: Plan, stack: Stack, loader: Loader) -> None:
        self._stack, self._loader = stack, loader
        self._due = switch_points(plan)
        self.done: list[str] = []

    def step(self) -> None:
        """Switch where it is time."""
        if self._due and self._loader.answered >= self._due[0][0]:
            _, log = self._due.pop(0)
            self._stack.switch_log(log)
            self.done.append(log)
