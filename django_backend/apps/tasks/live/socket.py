"""One socket: reads its frames, runs them, keeps its subscriptions, and closes it when it must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from apps.common.auth.live import LiveSession
from apps.common.errors import NotFound
from apps.tasks.live import frames, limits
from apps.tasks.live.catch_up import catch_up, enter
from apps.tasks.live.commands import answer
from apps.tasks.live.frames import BadFrame, CloseCode, Resume
from apps.tasks.live.outbox import Outbox, Send
from apps.tasks.live.rights import DATABASE_AWAY, Reader
from apps.tasks.live.rooms import Room, Subscription
from apps.tasks.live.threads import run

if TYPE_CHECKING:
    from apps.tasks.live.hub import Hub

Receive = Callable[[], Awaitable[dict[str, Any]]]
Frame = dict[str, Any]
LAST_WORDS_WITHIN = 0.5


class LiveSocket:
    """An accepted socket of a signed-in person. `serve` runs it to its end."""

    def __init__(self, hub: Hub, session: LiveSession, receive: Receive, send: Send) -> None:
        self.hub, self.session = hub, session
        self._receive, self._send = receive, send
        self._closing: asyncio.Future[CloseCode] = asyncio.get_running_loop().create_future()
        self._outbox = Outbox(send, on_overflow=lambda: self.close(CloseCode.TOO_SLOW))
        self._has_last_words = False
        self._bucket = limits.TokenBucket(limits.FRAMES_PER_SECOND, limits.FRAME_BURST)
        self._commands: asyncio.Queue[Frame] = asyncio.Queue(limits.COMMANDS_IN_LINE)
        self._entering: dict[Room, asyncio.Task[None]] = {}
        self._subscriptions: dict[Room, Subscription] = {}
        self._handlers = {
            "subscribe": self._on_subscribe,
            "unsubscribe": self._on_unsubscribe,
            "command": self._on_command,
            "typing": self._on_typing,
            "ping": self._on_ping,
        }

    def close(self, code: CloseCode) -> None:
        """Ask for the socket to be closed; the first reason given counts."""
        if not self._closing.done():
            self._closing.set_result(code)

    def send_watermark(self, seq: int, *, idle_for: float) -> None:
        """Say how far the log is handed out, to a client that heard nothing for a while and misses nothing."""
        idle_since = asyncio.get_running_loop().time() - self._outbox.last_put
        if not self._entering and idle_since >= idle_for * 0.9:
            self._outbox.put(frames.watermark(seq))

    async def serve(self, reader: Reader) -> None:
        """Run until the client leaves or the socket is closed; nothing of it stays behind."""
        self.reader = reader
        self.hub.sockets.add(self)
        try:
            tailer = self.hub.tailer
            self._outbox.put(frames.hello(reader.user_id, tailer.era, reader.rights.epoch, tailer.seq))
            await self._run_to_the_end()
        finally:
            self._leave_everything()

    async def _run_to_the_end(self) -> None:
        work: list[asyncio.Future[Any]] = [
            asyncio.create_task(each) for each in (self._listen(), self._outbox.deliver(), self._work())
        ]
        try:
            await asyncio.wait({*work, self._closing}, return_when=asyncio.FIRST_COMPLETED)
            if self._has_last_words:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._outbox.emptied(), LAST_WORDS_WITHIN)
        finally:
            for task in (*work, *self._entering.values()):
                task.cancel()
            ended = await asyncio.gather(*work, return_exceptions=True)
        if self._closing.done():
            await self._send_close(self._closing.result())
        for problem in ended:
            if isinstance(problem, Exception):
                raise problem

    def _leave_everything(self) -> None:
        self.hub.sockets.discard(self)
        self.hub.rights.leave(self)
        for subscription in self._subscriptions.values():
            self.hub.rooms.leave(subscription)

    async def _send_close(self, code: CloseCode) -> None:
        await self._send({"type": "websocket.close", "code": int(code)})

    async def _listen(self) -> None:
        """Take frames until the client leaves or breaks a limit that ends the socket."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if message["type"] == "websocket.receive" and not self._closing.done():
                await self._take(message.get("text"), message.get("bytes"))

    async def _take(self, text: str | None, data: bytes | None) -> None:
        if len(text.encode() if text is not None else data or b"") > limits.FRAME_BYTES:
            self._give_up(CloseCode.TOO_BIG, "frame_too_big", "A frame may hold 64 KB.")
        elif not self._bucket.take():
            self._give_up(CloseCode.TOO_FAST, "too_fast", "Send at most 20 frames a second, 60 at once.")
        else:
            try:
                frame = frames.decode(text)
                await self._handler_for(frame)(frame)
            except BadFrame as problem:
                self._outbox.put(frames.error(problem.code, problem.detail))

    def _handler_for(self, frame: Frame) -> Callable[[Frame], Awaitable[None]]:
        handler = self._handlers.get(frame["type"])
        if handler is None:
            raise BadFrame("unknown_type", f"Send one of: {', '.join(self._handlers)}.")
        return handler

    def _give_up(self, code: CloseCode, error: str, detail: str) -> None:
        self._outbox.put(frames.error(error, detail))
        self._has_last_words = True
        self.close(code)

    async def _on_ping(self, frame: Frame) -> None:
        self._outbox.put(frames.pong())

    async def _on_typing(self, frame: Frame) -> None:
        room = frames.room_of(frame)
        if room.kind == "me" or not self._is_in(room):
            raise BadFrame("not_subscribed", "Subscribe to the task or project before typing there.")
        await self.hub.presence.type_in(room, self.reader)

    async def _on_command(self, frame: Frame) -> None:
        """Commands of one socket run one after the other, in the order they came; reading goes on meanwhile."""
        try:
            self._commands.put_nowait(frame)
        except asyncio.QueueFull as problem:
            raise BadFrame("too_many_commands", "Wait for results before sending more commands.") from problem

    async def _work(self) -> None:
        while True:
            frame = await self._commands.get()
            self._outbox.put(await run(answer, self.session.sid, frame))

    async def _on_subscribe(self, frame: Frame) -> None:
        room, resume = frames.room_of(frame), frames.resume_of(frame)
        self._forget(room)
        if len({*self._subscriptions, *self._entering}) >= limits.SUBSCRIPTIONS_PER_SOCKET:
            raise BadFrame("too_many_rooms", "A socket may be in 50 rooms.")
        entering = asyncio.create_task(self._enter(room, resume))
        self._entering[room] = entering
        entering.add_done_callback(lambda task: self._entered(room, task))

    async def _on_unsubscribe(self, frame: Frame) -> None:
        room = frames.room_of(frame)
        self._forget(room)
        self._outbox.put(frames.unsubscribed(room))

    async def _enter(self, room: Room, resume: Resume | None) -> None:
        try:
            subscription, reason = await enter(self.hub, room, self.reader, self._outbox, resume)
        except NotFound as problem:
            # A page that showed the object must take it away; anybody else learns nothing.
            left = frames.gone(room, room.object_id if room.kind == "task" else None)
            self._outbox.put(left if resume else frames.error("not_found", problem.detail, room))
            return
        self._subscriptions[room] = subscription
        await catch_up(self.hub, subscription, resume, reason)

    def _entered(self, room: Room, task: asyncio.Task[None]) -> None:
        """A subscription that could not be served may not look as if it were: the client comes back and resumes."""
        if self._entering.get(room) is task:
            del self._entering[room]
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, DATABASE_AWAY):
            self.close(CloseCode.TRY_LATER)
        elif problem is not None:
            self.close(CloseCode.BROKEN)
            self.hub.report(problem)

    def _forget(self, room: Room) -> None:
        entering = self._entering.pop(room, None)
        if entering is not None:
            entering.cancel()
        subscription = self._subscriptions.pop(room, None)
        if subscription is not None:
            self.hub.rooms.leave(subscription)
        for left in [held for held, kept in self._subscriptions.items() if not kept.is_open]:
            del self._subscriptions[left]

    def _is_in(self, room: Room) -> bool:
        subscription = self._subscriptions.get(room)
        return subscription is not None and subscription.is_open
