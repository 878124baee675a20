"""What a run does: how many commands, which kills and when. All of it follows from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

CONSUMERS = ("activity-feed", "notifications", "analytics")


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills` is how often each target is killed; `pace` the most commands begun in a second.

    `log` carries the events at first; `switches` are the logs it is moved to on the way, one after the other.
    """

    commands: int = 500
    clients: int = 8
    kills: int = 3
    seed: int = 1
    pace: float = 14.0
    consumers_alone: bool = False
    log: str = "postgres"
    switches: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        consumers = CONSUMERS if self.consumers_alone else ("consumers",)
        broker = ("broker",) if self.kafka_has_all else ()
        return ("web", "relay", *consumers, "worker", *broker)

    @property
    def needs_kafka(self) -> bool:
        return "kafka" in (self.log, *self.switches)

    @property
    def kafka_has_all(self) -> bool:
        """Whether every event has to be in Kafka: what another log carried is not."""
        return self.log == "kafka" and not self.switches

    @property
    def tail(self) -> int:
        """How many commands come after the last kill, at least."""
        return max(self.commands // 20, 2 * self.clients)


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill `target` once `at` commands have been answered."""

    at: int
    target: str


def switch_points(plan: Plan) -> list[tuple[int, str]]:
    """(answered commands, log) of each switch: evenly over the run."""
    stretch = plan.commands / (len(plan.switches) + 1)
    return [(round(stretch * (place + 1)), log) for place, log in enumerate(plan.switches)]


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
