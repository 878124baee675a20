"""Observers: open pages in the room `me` that come back with `resume` whenever they are cut, and keep what they saw."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException

from daybook_scripts.chaos.doors import Door, Unanswered

COME_BACK_AFTER = 0.1
LOOK_UP_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as it arrived. `shown_project` is the project of the task that came with it."""

    seq: int
    event_id: str
    type: str
    task: int
    version: int
    shown_project: int | None


@dataclass(slots=True)
class Sightings:
    """What one observer saw. Events after `since` are owed to it, if it may see them."""

    person: int
    projects: frozenset[int]
    since: int | None = None
    seq: int = 0
    seen: list[Seen] = field(default_factory=list)
    odd: list[dict[str, Any]] = field(default_factory=list)
    visits: int = 0


class Observer:
    """One socket in a thread of its own."""

    def __init__(self, door: Door, person: int, projects: frozenset[int]) -> None:
        self.sightings = Sightings(person, projects)
        self.failure: BaseException | None = None
        self._door = door
        self._resume: dict[str, Any] | None = None
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"observer {person}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_until_subscribed(self, seconds: float) -> bool:
        return self._settled.wait(seconds)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _watch(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._visit()
                except (Unanswered, OSError, WebSocketException):
                    time.sleep(COME_BACK_AFTER)
        except BaseException as problem:
            self.failure = problem
            raise

    def _visit(self) -> None:
        """One connection, from opening it to its end."""
        with self._door.open_socket() as socket:
            self.sightings.visits += 1
            socket.send(json.dumps({"type": "subscribe", "room": "me", "resume": self._resume}))
            while not self._stop.is_set():
                try:
                    text = socket.recv(timeout=LOOK_UP_EVERY)
                except TimeoutError:
                    continue
                self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "event":
            self._note(frame)
        elif kind == "subscribed":
            self._begin(frame)
        elif kind == "watermark":
            self._move(frame["seq"])
        elif kind != "hello":
            self.sightings.odd.append(frame)

    def _begin(self, frame: dict[str, Any]) -> None:
        sightings = self.sightings
        if sightings.since is None:
            sightings.since = frame["seq"]
        if self._resume is None:
            self._resume = {"seq": frame["seq"], "era": frame["era"], "epoch": frame["epoch"]}
        self._move(frame["seq"])
        self._settled.set()

    def _note(self, frame: dict[str, Any]) -> None:
        event = frame["event"]
        self.sightings.seen.append(
            Seen(
                frame["seq"],
                event["id"],
                event["type"],
                int(event["aggregate"].removeprefix("task:")),
                event["version"],
                frame["task"]["project"],
            )
        )
        self._move(frame["seq"])

    def _move(self, seq: int) -> None:
        """Forward only: another process's watermark may lag."""
        self.sightings.seq = max(self.sightings.seq, seq)
        if self._resume is not None:
            self._resume["seq"] = self.sightings.seq
