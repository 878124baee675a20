"""Rooms, who is subscribed to them in this process, and how a subscription goes from backlog to live."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from apps.tasks.live.limits import WAITING_FRAMES

if TYPE_CHECKING:
    from apps.tasks.live.outbox import Outbox
    from apps.tasks.live.rights import Reader

K = TypeVar("K")
ROOM = re.compile(r"me|(task|project):([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Room:
    """`me` (all I may see), `task:7` or `project:2`."""

    kind: str
    object_id: int | None = None

    @classmethod
    def parse(cls, text: object) -> Room | None:
        match = ROOM.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return None
        return cls(match[1], int(match[2])) if match[1] else cls("me")

    def __str__(self) -> str:
        return self.kind if self.object_id is None else f"{self.kind}:{self.object_id}"


@dataclass(eq=False, slots=True)
class Subscription:
    """One socket in one room.

    `floor` is the last `seq` this client needs no more. While the backlog is being sent, live frames wait in
    `waiting`; afterwards it is None and they go straight out. So nothing is missed or sent twice: the backlog ends
    where the tailer was when the subscription was entered, and everything later came through `offer`.
    """

    room: Room
    reader: Reader
    outbox: Outbox
    entered_at: int  # where the tailer was at that moment
    floor: int
    task_project: int | None = None  # of a task room: the project whose right it hangs on
    waiting: deque[str] | None = field(default_factory=deque)
    overflowed: bool = False  # too much happened while the backlog was sent
    is_open: bool = True

    def offer(self, seq: int, frame: str) -> None:
        """Hand over what belongs at `seq`; what the client has already is dropped."""
        if seq > self.floor:
            self.floor = seq
            self.say(frame)

    def say(self, frame: str) -> None:
        """Hand over something that has no place in the order, after all that was offered so far."""
        if self.waiting is None:
            self.outbox.put(frame)
        elif len(self.waiting) < WAITING_FRAMES:
            self.waiting.append(frame)
        else:
            self.overflowed = True


class Rooms:
    """All subscriptions of this process, found by what they are about."""

    def __init__(self) -> None:
        self._by_room: defaultdict[Room, set[Subscription]] = defaultdict(set)
        self._by_person: defaultdict[int, set[Subscription]] = defaultdict(set)
        self._mine: set[Subscription] = set()
        # Rooms that somebody entered or left since presence last looked.
        self.stirred: set[Room] = set()
        self.has_stirred = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._by_room)

    def __iter__(self) -> Iterator[Subscription]:
        return (subscription for group in self._by_room.values() for subscription in group)

    def enter(self, subscription: Subscription) -> None:
        self._by_room[subscription.room].add(subscription)
        self._by_person[subscription.reader.user_id].add(subscription)
        if subscription.room.kind == "me":
            self._mine.add(subscription)
        self._stir(subscription.room)

    def leave(self, subscription: Subscription) -> None:
        """Idempotent; empty sets are dropped so that a long-lived process does not grow."""
        subscription.is_open = False
        self._mine.discard(subscription)
        _take_out(self._by_room, subscription.room, subscription)
        _take_out(self._by_person, subscription.reader.user_id, subscription)
        self._stir(subscription.room)

    def of(self, room: Room) -> tuple[Subscription, ...]:
        return tuple(self._by_room.get(room, ()))

    def of_person(self, user_id: int) -> tuple[Subscription, ...]:
        return tuple(self._by_person.get(user_id, ()))

    def mine(self) -> tuple[Subscription, ...]:
        """Every subscription to a `me` room."""
        return tuple(self._mine)

    def _stir(self, room: Room) -> None:
        if room.kind != "me":
            self.stirred.add(room)
            self.has_stirred.set()


def _take_out(index: dict[K, set[Subscription]], key: K, subscription: Subscription) -> None:
    group = index.get(key, set())
    group.discard(subscription)
    if not group:
        index.pop(key, None)
