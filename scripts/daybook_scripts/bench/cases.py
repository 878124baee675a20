"""What a bench prints: one line per case, its value beside the floor measured in the same run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from daybook_scripts.progress import say


@dataclass(frozen=True, slots=True)
class Case:
    """`value` and `floor` in `unit`; `ratio` is value by floor, so for rates higher is better."""

    bench: str
    case: str
    value: float
    unit: str
    floor: float

    @property
    def ratio(self) -> float:
        return self.value / self.floor

    def as_json(self) -> str:
        return json.dumps({**asdict(self), "ratio": round(self.ratio, 3)})


def show(cases: list[Case], *, as_json: bool) -> None:
    """A table for people, or one JSON object a line."""
    if as_json:
        for case in cases:
            say(case.as_json())
        return
    say(f"  {'case':<34} {'value':>12} {'floor':>12} {'ratio':>7}  unit")
    for case in cases:
        say(f"  {case.case:<34} {case.value:>12,.0f} {case.floor:>12,.0f} {case.ratio:>7.2f}  {case.unit}")


def rate(count: int, act: Callable[[], None]) -> float:
    """How many a second, when `act` does `count` of them."""
    started = time.perf_counter()
    act()
    return count / (time.perf_counter() - started)
