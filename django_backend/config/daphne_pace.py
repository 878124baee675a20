"""What daphne leaves open for sockets: a limit to what it takes in, and patience with what it sends.

daphne reads messages of any size into memory, and its `send` never waits: frames for a client that does not read pile
up in the process without end. Neither has an option. Both are set here, on each connection, before it is open; other
servers bring their own limits and are left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

from apps.tasks.live.limits import FRAME_BYTES

MESSAGE_BYTES = 4 * 1024 * 1024

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class Pace:
    """Twisted's push producer: told to pause when the transport's buffer is full, and to go on when it has drained."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()

    def pauseProducing(self) -> None:
        self._free.clear()

    def resumeProducing(self) -> None:
        self._free.set()

    def stopProducing(self) -> None:
        self._free.set()  # the connection is gone: nobody need wait for it

    async def wait(self) -> None:
        await self._free.wait()


def paced(application: Application) -> Application:
    """The same application, with `send` waiting for slow clients and oversize messages refused by daphne itself."""

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        protocol = _protocol_behind(send)
        if protocol is None:
            await application(scope, receive, send)
            return
        _set_limits(protocol)
        pace = _set_pace(protocol)

        async def send_paced(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.close" and protocol.transport is not None:
                protocol.transport.unregisterProducer()  # Twisted keeps a connection that has a producer open
            await send(message)
            if message["type"] == "websocket.send":
                await pace.wait()

        await application(scope, receive, send_paced)

    return serve


def _protocol_behind(send: Send) -> WebSocketProtocol | None:
    """daphne's `send` is a partial of its server's method over the connection's protocol."""
    if isinstance(send, partial) and send.args and isinstance(send.args[0], WebSocketProtocol):
        return send.args[0]
    return None


def _set_limits(protocol: WebSocketProtocol) -> None:
    """A frame of the client's is bounded before it is in memory, its pieces together soon after; close frames say why.

    autobahn applies the message limit to what is sent as well, and a long task with its changes is longer than what a
    client may say. The application refuses a message made of too many pieces.
    """
    protocol.maxFramePayloadSize = FRAME_BYTES
    protocol.maxMessagePayloadSize = MESSAGE_BYTES
    protocol.failByDrop = False


def _set_pace(protocol: WebSocketProtocol) -> Pace:
    """Take the place of the HTTP channel, which is still registered from before the upgrade."""
    pace = Pace()
    protocol.transport.unregisterProducer()
    protocol.transport.registerProducer(pace, True)
    return pace


async def refuse(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """There is no socket at this address."""
    await receive()
    await send({"type": "websocket.close"})
