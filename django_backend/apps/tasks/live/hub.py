"""The hub: everything the sockets of one process share, started with the first of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

from apps.tasks.live import frames, wakes
from apps.tasks.live.frames import CloseCode
from apps.tasks.live.presence import Presence
from apps.tasks.live.rights import Rights, RightsBook
from apps.tasks.live.rooms import Rooms, Subscription
from apps.tasks.live.socket import LiveSocket
from apps.tasks.live.tailer import Tailer

WATERMARK_EVERY = 5.0

log = structlog.get_logger(__name__)


class Hub:
    """One tailer, one cache of rights, one presence, and the sockets they serve."""

    def __init__(self) -> None:
        self.rooms = Rooms()
        self.rights = RightsBook(on_change=self._rights_changed)
        self.tailer = Tailer(self.rooms, self.rights)
        self.presence = Presence(self.rooms)
        self.sockets: set[LiveSocket] = set()
        self.has_failed = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.tailer.start()
        for work in (
            self.tailer.follow(),
            self.rights.keep_fresh(),
            self.presence.listen(),
            self.presence.keep_telling(),
            wakes.listen(self.tailer.wake),
            self._send_watermarks(),
        ):
            self._run(work)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of the hub's tasks ends by itself. Should one fail, no page may go on believing that it is live."""
        if task.cancelled():
            return
        self.has_failed = True
        log.error("live_hub_failed", exc_info=task.exception())
        for socket in list(self.sockets):
            socket.close(CloseCode.BROKEN)
        for other in self._tasks:
            other.cancel()

    @staticmethod
    def report(problem: BaseException) -> None:
        """Note a failure that has no other way out of a task."""
        log.error("live_socket_failed", exc_info=problem)

    def _rights_changed(self, rights: Rights) -> None:
        """Every room that hangs on project rights is told; what is out of sight now is gone."""
        for subscription in self.rooms.of_person(rights.user_id):
            room = subscription.room
            if not self.is_in_sight(subscription):
                subscription.say(frames.gone(room, room.object_id if room.kind == "task" else None))
                self.rooms.leave(subscription)
            elif room.kind != "task" or subscription.task_project is not None:
                subscription.say(frames.reset(room, "rights", rights.epoch, self.tailer.era))

    @staticmethod
    def is_in_sight(subscription: Subscription) -> bool:
        """Whether the room's object is within its reader's rights, as far as those by project decide."""
        room, reader = subscription.room, subscription.reader
        project_id = room.object_id if room.kind == "project" else subscription.task_project
        if project_id is not None:
            return reader.sees_project(project_id)
        return room.kind == "me" or reader.narrowed_to is None

    async def _send_watermarks(self) -> None:
        while True:
            await asyncio.sleep(WATERMARK_EVERY)
            for socket in self.sockets:
                socket.send_watermark(self.tailer.seq, idle_for=WATERMARK_EVERY)
