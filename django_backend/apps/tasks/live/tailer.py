"""The tailer: follows the event log by `seq` and hands each event to the subscribers who may see it.

One per process. A message over Redis wakes it; it polls besides, so a lost message costs a second and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from uuid import UUID

import structlog

from apps.tasks.live import frames
from apps.tasks.live.facts import Fact, read_after, read_head
from apps.tasks.live.rights import DATABASE_AWAY, FRESH_FOR, RightsBook
from apps.tasks.live.rooms import Room, Rooms, Subscription
from apps.tasks.live.shown import Shown, load_shown
from apps.tasks.live.threads import read

POLL = 1.0
POLL_WHEN_BUSY = 0.25
BUSY_FOR = 5.0  # how long after a wake or an event the log counts as busy
BATCH = 500
FIRST_BACK_OFF, LONGEST_BACK_OFF = 0.1, 2.0

log = structlog.get_logger(__name__)


class Tailer:
    """`seq` is the last event this process has handed out; it moves in the same step in which that happens."""

    def __init__(self, rooms: Rooms, rights: RightsBook) -> None:
        self._rooms, self._rights = rooms, rights
        self.seq = 0
        self.era = UUID(int=0)
        self._woken = asyncio.Event()
        self._busy_until = 0.0

    async def start(self) -> None:
        """Stand at the log's head."""
        head = await read(read_head)
        self.seq, self.era = head.seq, head.era

    def wake(self) -> None:
        self._woken.set()

    async def follow(self) -> None:
        """Follow for ever; a database that is away is waited for, and nothing is skipped."""
        back_off = FIRST_BACK_OFF
        while True:
            try:
                while await self._step():
                    self._stay_busy()
                back_off = FIRST_BACK_OFF
            except DATABASE_AWAY as problem:
                log.warning("live_log_not_read", seq=self.seq, problem=str(problem))
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, LONGEST_BACK_OFF)
            else:
                await self._pause()

    async def _pause(self) -> None:
        busy = time.monotonic() < self._busy_until
        try:
            await asyncio.wait_for(self._woken.wait(), POLL_WHEN_BUSY if busy else POLL)
            self._stay_busy()
        except TimeoutError:
            return  # time to poll
        finally:
            self._woken.clear()

    def _stay_busy(self) -> None:
        self._busy_until = time.monotonic() + BUSY_FOR

    async def _step(self) -> bool:
        """Hand out the next batch; True if there was one."""
        facts, head = await read(read_after, self.seq, BATCH)
        if head.era != self.era or head.seq < self.seq:
            self._begin_anew(head.seq, head.era)
            return False
        if not facts:
            return False
        if any(fact.may_move_rights for fact in facts) or self._rights.age > FRESH_FOR:
            await self._rights.refresh()
        await self._hand_out(facts)
        return True

    def _begin_anew(self, seq: int, era: UUID) -> None:
        """A backup was restored: the same numbers mean other events now."""
        self.seq, self.era = seq, era
        log.warning("live_era_changed", era=str(era), seq=seq)
        for subscription in list(self._rooms):
            subscription.floor = seq
            subscription.say(frames.reset(subscription.room, "era", subscription.reader.rights.epoch, era))

    async def _hand_out(self, facts: list[Fact]) -> None:
        """Load what is wanted, then deliver in one step without a pause.

        Who subscribes or gains a right while the loading waits wants more of the same batch: so it asks again until
        nothing is missing.
        """
        shown: dict[int, Shown | None] = {}
        while missing := [fact for fact in facts if fact.seq not in shown and self._is_wanted(fact)]:
            loaded = await read(load_shown, missing)
            shown |= {fact.seq: loaded.get(fact.seq) for fact in missing}
        for fact in facts:
            event = shown.get(fact.seq)
            if event is not None:
                self._deliver(event)
            self.seq = fact.seq

    def _is_wanted(self, fact: Fact) -> bool:
        """Whether anybody here may be shown this; asked before it is loaded."""
        if not fact.is_about_a_task:
            return False
        state, audience = fact.payload["task"], fact.payload["audience"]
        project_id = state["project"]
        if self._rooms.of(Room("task", fact.task_id)):
            return True
        if project_id is not None and self._rooms.of(Room("project", project_id)):
            return True
        people = {audience["creator"], *audience["assignees"], fact.payload.get("user")}
        return any(subscription.reader.sees_task(project_id, people) for subscription in self._rooms.mine())

    def _deliver(self, event: Shown) -> None:
        for room in self._rooms_of(event):
            subscriptions = self._rooms.mine() if room.kind == "me" else self._rooms.of(room)
            for subscription in subscriptions:
                frame = event.frame_for(subscription)
                if frame is None:
                    continue
                subscription.offer(event.seq, frame)
                if room.kind == "task":
                    self._follow_task(subscription, event)

    def _follow_task(self, subscription: Subscription, event: Shown) -> None:
        """A task room hangs on the rights of the project that the task is in now."""
        subscription.task_project = event.project_id
        if not subscription.reader.sees_task(event.project_id, event.people):
            self._rooms.leave(subscription)

    def _rooms_of(self, event: Shown) -> Iterable[Room]:
        yield Room("me")
        yield Room("task", event.task_id)
        for project_id in (event.project_id, event.former_project_id):
            if project_id is not None:
                yield Room("project", project_id)
