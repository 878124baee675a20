"""What a run does: how many commands, which kills and when. All of it follows from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

CONSUMERS = ("activity-feed", "notifications", "analytics")


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills` is how often each target is killed; `pace` the most commands begun in a second."""

    commands: int = 500
    clients: int = 8
    kills: int = 3
    seed: int = 1
    pace: float = 14.0
    consumers_alone: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        consumers = CONSUMERS if self.consumers_alone else ("consumers",)
        return ("web", "relay", *consumers, "worker")

    @property
    def tail(self) -> int:
        """How many commands come after the last kill, at least."""
        return max(self.commands // 20, 2 * self.clients)


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill `target` once `at` commands have been answered."""

    at: int
    target: str


def schedule(plan: Plan) -> list[Kill]:
    """Kills spread over the count of commands, not over seconds: so commands flow during each of them.

    Every round kills each target once, in a new order; each kill has a stretch of the run to itself and falls anywhere
    in it.
    """
    rng = random.Random(f"kills:{plan.seed}")
    order = [target for _ in range(plan.kills) for target in rng.sample(plan.targets, len(plan.targets))]
    first = plan.tail
    stretch = (plan.commands - plan.tail - first) / max(len(order), 1)
    return [
        Kill(first + round(stretch * (place + rng.random())), target) for place, target in enumerate(order)
    ]
