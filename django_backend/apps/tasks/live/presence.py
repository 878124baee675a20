"""Who is in a room, and who is typing there. Goes by the channel layer and may be lost: nothing depends on it.

Each process tells the others of a room whom it has there, when that changes and again every few seconds; what it said
is forgotten when it falls silent, so the people of a process that died are soon gone.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from apps.tasks.live import frames
from apps.tasks.live.rights import Reader
from apps.tasks.live.rooms import Room, Rooms

TELL_EVERY = 5.0
BELIEVE_FOR = 16.0  # three tellings may be lost
LAYER_TIMEOUT = 1.0
LAYER_AWAY = (RedisError, OSError, TimeoutError)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What another process said of a room: the names of the people it has there, by id."""

    people: dict[int, str]
    until: float


class Presence:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._process = uuid4().hex
        self._layer: Any = get_channel_layer()
        self._channel: str | None = None
        self._joined: set[Room] = set()
        self._elsewhere: defaultdict[Room, dict[str, Said]] = defaultdict(dict)
        self._shown: dict[Room, dict[int, str]] = {}

    def people_in(self, room: Room) -> dict[int, str]:
        """Everybody's name by id, here and elsewhere."""
        now = time.monotonic()
        people = self._local(room)
        for said in self._elsewhere.get(room, {}).values():
            if said.until > now:
                people |= said.people
        return people

    async def type_in(self, room: Room, reader: Reader) -> None:
        """Tell the room that somebody is typing."""
        person, name = reader.user_id, reader.rights.name
        self._show_typing(room, person, name)
        await self._send(room, {"type": "typing", "person": person, "name": name})

    async def listen(self) -> None:
        """Hear what the other processes say, for ever."""
        while True:
            try:
                self._channel = await self._layer.new_channel("live.")
                while True:
                    self._hear(await self._layer.receive(self._channel))
            except LAYER_AWAY as problem:
                log.warning("live_presence_not_heard", problem=str(problem))
            self._channel = None
            self._joined.clear()
            await asyncio.sleep(LAYER_TIMEOUT)

    async def keep_telling(self) -> None:
        """Show and tell what changed at once, and everything every few seconds."""
        while True:
            changed = await self._wait_for_change()
            for room in changed:
                self._show(room)
            for room in changed or {*self._joined, *self._shown}:
                self._show(room, only_if_changed=True)
                await self._tell(room)

    async def _wait_for_change(self) -> set[Room]:
        """The rooms that somebody entered or left; empty when it is time to repeat everything."""
        try:
            await asyncio.wait_for(self._rooms.has_stirred.wait(), TELL_EVERY)
        except TimeoutError:
            return set()
        changed, self._rooms.stirred = self._rooms.stirred, set()
        self._rooms.has_stirred.clear()
        return changed

    async def _tell(self, room: Room) -> None:
        people = self._local(room)
        is_new = room not in self._joined
        if self._channel is None or (is_new and not people):
            return
        if is_new and not await self._call(self._layer.group_add(_group(room), self._channel)):
            return
        self._joined.add(room)
        named = [[person, name] for person, name in people.items()]
        await self._send(room, {"type": "here", "people": named, "ask": is_new})
        if not people:
            await self._call(self._layer.group_discard(_group(room), self._channel))
            self._joined.discard(room)
            self._elsewhere.pop(room, None)

    async def _send(self, room: Room, message: dict[str, Any]) -> None:
        await self._call(
            self._layer.group_send(_group(room), {**message, "room": str(room), "process": self._process})
        )

    async def _call(self, call: Any) -> bool:
        """Wait a moment for the channel layer; False if it is away, which may be."""
        try:
            async with asyncio.timeout(LAYER_TIMEOUT):
                await call
        except LAYER_AWAY as problem:
            log.info("live_presence_not_told", problem=str(problem))
            return False
        return True

    def _hear(self, message: dict[str, Any]) -> None:
        room = Room.parse(message["room"])
        if room is None or message["process"] == self._process:
            return
        if message["type"] == "typing":
            self._show_typing(room, message["person"], message["name"])
            return
        people = dict(message["people"])
        self._elsewhere[room][message["process"]] = Said(people, time.monotonic() + BELIEVE_FOR)
        self._show(room, only_if_changed=True)
        if message["ask"]:
            self._rooms.stirred.add(room)
            self._rooms.has_stirred.set()

    def _local(self, room: Room) -> dict[int, str]:
        return {held.reader.user_id: held.reader.rights.name for held in self._rooms.of(room)}

    def _show(self, room: Room, *, only_if_changed: bool = False) -> None:
        """Tell the room's subscribers here who is in it."""
        people = self.people_in(room)
        if only_if_changed and people == self._shown.get(room):
            return
        subscriptions = self._rooms.of(room)
        if not subscriptions:
            self._shown.pop(room, None)
            return
        self._shown[room] = people
        for subscription in subscriptions:
            subscription.outbox.put(frames.here(room, people))

    def _show_typing(self, room: Room, person: int, name: str) -> None:
        for subscription in self._rooms.of(room):
            if subscription.reader.user_id != person:
                subscription.outbox.put(frames.typing(room, person, name))


def _group(room: Room) -> str:
    return f"live.{room.kind}.{room.object_id}"
