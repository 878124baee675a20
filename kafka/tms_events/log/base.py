"""What a consumer may ask of the event log, whatever carries it.

An engine is one member of one group. It hands out batches, and the only way to take one is `transaction`: its first
statement moves the positions and is the fence, so effects and position commit together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import psycopg

from tms_events.envelope import StoredEvent

Transaction = psycopg.Cursor[tuple[Any, ...]]
Place = tuple[str, int]  # topic and partition

# A member that has said nothing for so long has lost its partitions. Restarts after a kill wait for it.
LEASE = timedelta(seconds=6)


class LogError(RuntimeError):
    """The log or the positions contradict themselves: nothing may be handled until someone has looked."""

    code = "log_error"


class LogHole(LogError):
    """Events between two others are missing."""

    code = "log_hole"


class PositionAhead(LogError):
    """A position is beyond the log's end: the projection was made from another log."""

    code = "position_ahead"


class Fenced(RuntimeError):
    """Another member holds a partition of this batch by now; nothing of it was written."""

    code = "fenced"


class Wake(Protocol):
    """Ends a wait early. Only a hint: whoever waits looks again after its timeout."""

    def wait(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A partition this member may move: its position, and the lease's epoch that proves the right.

    `kafka_offset` is where Kafka goes on after the position, in the topic whose id is `kafka_topic`: only a hint.
    """

    topic: str
    partition: int
    epoch: int
    era: UUID
    last_seq: int
    kafka_offset: int | None = None
    kafka_topic: str | None = None

    @property
    def place(self) -> Place:
        return self.topic, self.partition


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where a batch moves the position of one partition."""

    held: Held
    new_seq: int
    kafka_offset: int | None = None

    def after(self) -> Held:
        return replace(self.held, last_seq=self.new_seq, kafka_offset=self.kafka_offset)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the order of `seq`, of each partition the next ones after its position, and the moves they make.

    `offsets` has Kafka's offset after each event, by `seq`; it is empty on the PostgreSQL log.
    """

    events: Sequence[StoredEvent] = ()
    moves: Sequence[Move] = ()
    offsets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        events: Sequence[StoredEvent],
        held: Mapping[Place, Held],
        offsets: Mapping[int, int] | None = None,
    ) -> Batch:
        """The batch of `events`, which continue the positions of `held`."""
        offsets = offsets or {}
        last = {(event.topic, event.partition): event.seq for event in events}
        moves = [Move(held[place], seq, offsets.get(seq)) for place, seq in sorted(last.items())]
        return cls(events, moves, offsets)

    def singles(self) -> Iterator[Batch]:
        """The same events one by one. Each may be taken only after the one before it was."""
        held = {move.held.place: move.held for move in self.moves}
        for event in self.events:
            single = Batch.of([event], held, self.offsets)
            yield single
            held[event.topic, event.partition] = single.moves[0].after()


class EventLog(Protocol):
    """One member of a group, reading the partitions that are its share.

    Not for several threads. Every method may raise `psycopg.Error` (wait and call again: a lost connection is made
    anew and its leases are dropped) or `LogError` (stop).
    """

    @property
    def group(self) -> str: ...

    def poll(self, limit: int, wait: float) -> Batch:
        """The next events, at most `limit`; empty when none came within `wait` seconds.

        Says that this member lives, renews and redistributes leases. What was handed out and not taken comes again.
        """
        ...

    def transaction(self, batch: Batch) -> AbstractContextManager[Transaction]:
        """A transaction whose first statement has moved the positions of `batch`; commits on leaving.

        Raises `Fenced` on entering, with nothing written, when a partition is another member's by now.
        """
        ...

    def lag(self) -> int:
        """How many sequenced events of its topics the whole group has not taken yet."""
        ...

    def close(self) -> None:
        """Leave the group: the others may have the partitions at once."""
        ...


def check_chain(held: Mapping[Place, Held], events: Iterable[StoredEvent]) -> None:
    """Raise `LogHole` unless `events` continue every position without a gap: each names the one before it."""
    last = {place: position.last_seq for place, position in held.items()}
    for event in events:
        place = event.topic, event.partition
        if event.prev_seq > last[place]:
            raise LogHole(
                f"{event.topic}/{event.partition}: event {event.seq} follows {event.prev_seq}, but the last one read "
                f"is {last[place]}. Run `python -m consumers verify log`, and restore what it finds missing."
            )
        last[place] = event.seq
