"""The ASGI door of /ws/: who may open a socket, and the hub that serves all of this process."""

from __future__ import annotations

import asyncio
from typing import Any

from apps.common.auth.sockets import authenticate_socket, origin_is_ours
from apps.tasks.live.frames import CloseCode
from apps.tasks.live.hub import Hub
from apps.tasks.live.limits import SOCKETS_PER_PERSON
from apps.tasks.live.outbox import Send
from apps.tasks.live.rights import DATABASE_AWAY, Reader
from apps.tasks.live.socket import LiveSocket, Receive

Scope = dict[str, Any]


class LiveApplication:
    """Accepts, admits, serves. The hub starts with the first socket, and anew after a failure."""

    def __init__(self) -> None:
        self._hub: Hub | None = None
        self._starting = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        # A browser learns the reason only from an open socket's close code, so it is accepted before it is judged.
        await send({"type": "websocket.accept"})
        admitted: tuple[LiveSocket, Reader] | CloseCode
        try:
            admitted = await self._admit(scope, receive, send)
        except DATABASE_AWAY:
            admitted = CloseCode.TRY_LATER
        if isinstance(admitted, CloseCode):
            await send({"type": "websocket.close", "code": int(admitted)})
        else:
            socket, reader = admitted
            await socket.serve(reader)

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send
    ) -> tuple[LiveSocket, Reader] | CloseCode:
        if not origin_is_ours(scope):
            return CloseCode.WRONG_ORIGIN
        session = await authenticate_socket(scope)
        if session is None:
            return CloseCode.NOT_SIGNED_IN
        hub = await self._running_hub()
        if hub.rights.sockets_of(session.user_id) >= SOCKETS_PER_PERSON:
            return CloseCode.TOO_MANY_SOCKETS
        socket = LiveSocket(hub, session, receive, send)
        reader = await hub.rights.join(socket)
        return (socket, reader) if reader else CloseCode.NOT_SIGNED_IN

    async def _running_hub(self) -> Hub:
        async with self._starting:
            if self._hub is None or self._hub.has_failed:
                hub = Hub()
                await hub.start()
                self._hub = hub
            return self._hub

    async def stop(self) -> None:
        """End the hub's tasks; for whoever ends the event loop with sockets still open."""
        if self._hub is not None:
            await self._hub.stop()
            self._hub = None
