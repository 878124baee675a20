"""Frames on their way to one client: in order, bounded. A client that does not keep up is closed and resumes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from apps.tasks.live.limits import OUTBOX_BYTES, OUTBOX_FRAMES

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outbox:
    """`put` never waits; `room` waits for space, for those who have much to say (a backlog)."""

    def __init__(self, send: Send, on_overflow: Callable[[], None]) -> None:
        self._send, self._on_overflow = send, on_overflow
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.last_put = asyncio.get_running_loop().time()

    def put(self, frame: str) -> None:
        """Queue a frame; with the box full, the client is given up (see `on_overflow`) and the frame dropped."""
        if len(self._frames) >= OUTBOX_FRAMES or self._bytes >= OUTBOX_BYTES:
            self._on_overflow()
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self.last_put = asyncio.get_running_loop().time()
        self._filled.set()
        self._emptied.clear()
        if self._is_half_full():
            self._drained.clear()

    async def room(self) -> None:
        """Return once less than half of the box is taken: live frames keep the other half."""
        await self._drained.wait()

    async def emptied(self) -> None:
        """Return once everything was sent."""
        await self._emptied.wait()

    async def deliver(self) -> None:
        """Send for ever, one frame after the other; the server's `send` may make it wait."""
        while True:
            await self._filled.wait()
            while self._frames:
                await self._send({"type": "websocket.send", "text": self._frames[0]})
                self._bytes -= len(self._frames.popleft())
                if not self._is_half_full():
                    self._drained.set()
            self._filled.clear()
            self._emptied.set()

    def _is_half_full(self) -> bool:
        return len(self._frames) >= OUTBOX_FRAMES // 2 or self._bytes >= OUTBOX_BYTES // 2
