"""The killer: SIGKILL by plan while commands flow, and how long each target took to work again."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from daybook_scripts.chaos.loader import Loader
from daybook_scripts.chaos.plan import CONSUMERS, Plan, schedule
from daybook_scripts.chaos.stack import Connection, Stack

# A target that has not worked again since its last kill is let be for a while; its next kill would hit a start.
POSTPONED_AT_MOST = 25.0

WORK_OF_RELAY = "SELECT last_seq FROM sequencer"
WORK_OF_CONSUMERS = (
    'SELECT sum(last_seq) FROM consumer_position WHERE "group" = ANY(%s) GROUP BY "group" ORDER BY 1'
)
WORK_OF_BROKER = "SELECT seq FROM event_published"
WORK_OF_WORKER = "SELECT count(*) FROM tasks_delivery WHERE state <> 'due'"

Work = tuple[int, ...]


@dataclass(slots=True)
class Recovery:
    """`work` is how far the target had come when it died; it works again once every part of it has gone further."""

    target: str
    killed_at: float
    work: Work
    seconds: float | None = None


class Killer:
    """Call `step` often, from one thread: the supervisor's."""

    def __init__(self, plan: Plan, stack: Stack, loader: Loader, connection: Connection) -> None:
        self._stack, self._loader, self._connection = stack, loader, connection
        self._kills = schedule(plan)
        self._plan = plan
        self._due_since: float | None = None
        self.kills: Counter[str] = Counter(dict.fromkeys(plan.targets, 0))
        self.recoveries: list[Recovery] = []
        self._hold_back()

    @property
    def is_done(self) -> bool:
        return not self._kills

    def step(self) -> None:
        """Kill whoever's turn it is, if commands are under way; and see who works again."""
        self._note_recoveries()
        if not self._kills or self._loader.answered < self._kills[0].at:
            return
        now = time.monotonic()
        self._due_since = self._due_since or now
        target = self._kills[0].target
        if not self._stack.child(target).alive:
            return
        if not self._works_again(target) and now - self._due_since < POSTPONED_AT_MOST:
            return
        if self._loader.under_way:
            self._kill(target)
        else:
            self._loader.allow(self._loader.limit + self._plan.clients)  # it must not hit an idle system

    def _kill(self, target: str) -> None:
        killed_at = time.monotonic()
        self._stack.kill(target)
        self.recoveries.append(Recovery(target, killed_at, self._work_of(target)))
        self.kills[target] += 1
        self._kills.pop(0)
        self._due_since = None
        self._hold_back()

    def _hold_back(self) -> None:
        """Commands of later stretches wait for this kill, so that it doesn't fall when all is over."""
        plan = self._plan
        if not self._kills:
            self._loader.allow(plan.commands)
            return
        end = self._kills[1].at if len(self._kills) > 1 else plan.commands - plan.tail
        self._loader.allow(max(end, self._kills[0].at + plan.clients))

    def _works_again(self, target: str) -> bool:
        last = [recovery for recovery in self.recoveries if recovery.target == target][-1:]
        return all(recovery.seconds is not None for recovery in last)

    def _note_recoveries(self) -> None:
        for recovery in self.recoveries:
            if recovery.seconds is None and self._has_recovered(recovery):
                recovery.seconds = time.monotonic() - recovery.killed_at

    def _has_recovered(self, recovery: Recovery) -> bool:
        if recovery.target == "web":
            return self._loader.acknowledged_after(recovery.killed_at)
        work = self._work_of(recovery.target)
        return len(work) >= len(recovery.work) and all(
            now > then for now, then in zip(work, recovery.work, strict=False)
        )

    def _work_of(self, target: str) -> Work:
        if target == "web":
            return ()
        if target == "relay":
            return self._ask(WORK_OF_RELAY)
        if target == "broker":
            return self._ask(WORK_OF_BROKER)
        if target == "worker":
            return self._ask(WORK_OF_WORKER)
        groups = CONSUMERS if target == "consumers" else (target,)
        return self._ask(WORK_OF_CONSUMERS, list(groups))

    def _ask(self, question: str, *parameters: object) -> Work:
        return tuple(int(row[0]) for row in self._connection.execute(question, parameters or None))


def percentiles(recoveries: list[Recovery]) -> dict[str, float]:
    """In seconds, over the kills after which the target had work to do."""
    seconds = sorted(recovery.seconds for recovery in recoveries if recovery.seconds is not None)
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0}
    return {
        name: round(seconds[min(len(seconds) - 1, int(share * len(seconds)))], 2)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
    }
