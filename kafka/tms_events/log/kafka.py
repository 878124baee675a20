"""The event log read from Kafka, with the database as the truth behind it.

Kafka may lose, repeat and reorder what it has, and its offsets are only hints. What keeps the order whole is `seq`:
what is not above the position is dropped, and where an event does not follow the one before it, or none comes although
one was published, the partition is read from the tables up to the log's end before Kafka goes on.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from uuid import UUID

from confluent_kafka import KafkaException, Message

from tms_events.envelope import StoredEvent
from tms_events.log.base import LEASE, Batch, Held, Place, Transaction, check_chain
from tms_events.log.kafka_messages import UnreadableMessage, place_of, read_event, read_mark
from tms_events.log.kafka_source import Source
from tms_events.log.positions import Connect, Positions, columns
from tms_events.log.tables import read_events

# Partitions that Kafka gave us and another member still has the lease of are asked for so often.
IMPATIENCE = 0.3
# After Kafka did not answer.
PAUSE = 1.0
WARN_AGAIN = 60.0

STATE = """
SELECT s.era, s.last_seq > w.seq AND coalesce(w.lease_until < clock_timestamp(), true)
FROM sequencer s, event_published w
"""

# What was published after these positions, and so must have come.
OVERDUE = """
SELECT waiting.topic, waiting.partition
FROM unnest(%s::text[], %s::smallint[], %s::bigint[]) AS waiting(topic, partition, last_seq)
WHERE EXISTS (
    SELECT 1 FROM event_order o
    WHERE o.topic = waiting.topic AND o.partition = waiting.partition AND o.seq > waiting.last_seq
      AND o.seq <= (SELECT seq FROM event_published)
)
"""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Feed:
    """One partition under one lease: what is ready to be handed out, each with the offset after it where known.

    `end` is where Kafka goes on once the tables are read; None when that is done.
    """

    epoch: int
    last: int
    end: int | None = None
    ready: deque[tuple[StoredEvent, int | None]] = field(default_factory=deque)

    def add(self, event: StoredEvent, offset: int | None) -> None:
        self.ready.append((event, offset))
        self.last = event.seq

    def forget_taken(self, position: int) -> None:
        while self.ready and self.ready[0][0].seq <= position:
            self.ready.popleft()


class KafkaLog:
    """An `EventLog` over Kafka."""

    def __init__(
        self,
        *,
        group: str,
        member: str,
        topics: Sequence[str],
        connect: Connect,
        bootstrap: str,
        lease: timedelta = LEASE,
    ) -> None:
        self.positions = Positions(group, member, topics, connect, lease)
        self._source = Source(bootstrap, group, member, topics, lease)
        self._feeds: dict[Place, Feed] = {}
        self._era: UUID | None = None
        self._other_eras: set[UUID] = set()
        self._keep_at = 0.0
        self._ask_at = 0.0
        self._waiting: dict[Place, int] = {}
        self._warn_at = time.monotonic() + 3 * lease.total_seconds()
        # How many events came from the tables instead of Kafka.
        self.read_from_tables = 0

    @property
    def group(self) -> str:
        return self.positions.group

    def poll(self, limit: int, wait: float) -> Batch:
        """See `EventLog.poll`."""
        _ = self.positions.connection  # a lost one drops the leases here
        try:
            self._keep()
            self._begin_feeds()
            self._catch_up(limit)
            self._receive(limit, wait)
        except KafkaException as problem:
            self._start_again(problem, wait)
        self._give_back()
        return self._next(limit)

    def transaction(self, batch: Batch) -> AbstractContextManager[Transaction]:
        """See `EventLog.transaction`."""
        return self.positions.transaction(batch)

    def lag(self) -> int:
        """See `EventLog.lag`."""
        return self.positions.lag()

    def close(self) -> None:
        """See `EventLog.close`."""
        try:
            self.positions.leave()
        finally:
            self._feeds.clear()
            self._source.close()

    # --- leases: Kafka says which, the database whether

    def _keep(self) -> None:
        """When due: say we live, renew, take the leases of what Kafka gave us, look for what should have come."""
        if time.monotonic() < self._keep_at and not self._source.changed:
            return
        positions, owned = self.positions, self._source.owned
        self._source.changed = False
        positions.keep()
        self._look_at_state()
        if missing := owned - positions.held.keys():
            positions.acquire(len(missing), missing)
        self._look_for_overdue()
        patience = positions.lease.total_seconds() / 3
        content = owned <= positions.held.keys()
        self._keep_at = time.monotonic() + (patience if content else min(patience, IMPATIENCE))

    def _look_at_state(self) -> None:
        """In another era all leases are dropped: taking them again adopts the era."""
        row = self.positions.connection.execute(STATE).fetchone()
        if row is None:
            raise LookupError(
                "The table sequencer or event_published is empty. Run `python manage.py migrate`."
            )
        era, nobody_publishes = row
        if era != self._era:
            self.positions.held.clear()
            self._feeds.clear()
            self._other_eras.clear()
        self._era = era
        self._warn_of_no_publisher(nobody_publishes)

    def _warn_of_no_publisher(self, nobody_publishes: bool) -> None:
        """After some time: it may be the moment between two relays."""
        now = time.monotonic()
        if not nobody_publishes:
            self._warn_at = now + 3 * self.positions.lease.total_seconds()
        elif now > self._warn_at:
            self._warn_at = now + WARN_AGAIN
            log.warning(
                "events wait to be published, and no relay does it: start one with EVENT_LOG=kafka, or these "
                "consumers with EVENT_LOG=postgres (group %s, code nobody_publishes)",
                self.group,
            )

    def _give_back(self) -> None:
        """Leases of what Kafka took from us: the next member need not wait for their end."""
        self.positions.release(self.positions.held.keys() - self._source.owned)
        self._drop_feeds(self._feeds.keys() - self.positions.held.keys())
        if self._source.owned - self.positions.held.keys():  # fenced, or another member still has them
            self._keep_at = min(self._keep_at, time.monotonic() + IMPATIENCE)

    # --- feeds: first the tables where Kafka's place is not known, then Kafka

    def _begin_feeds(self) -> None:
        held = self.positions.held
        stale = [place for place, feed in self._feeds.items() if self._is_stale(place, feed)]
        self._drop_feeds(stale)
        self._source.halt(self._source.streaming - self._feeds.keys())
        fresh = held.keys() - self._feeds.keys()
        if not fresh or time.monotonic() < self._ask_at:
            return
        # Asked before the tables are read: all that Kafka has before these ends is in the tables by then.
        heads = self._source.heads(fresh)
        known = {}
        for place, head in heads.items():
            position = replace(held[place], kafka_topic=head.topic_id)
            if not is_usable(held[place], head.topic_id, head.end):
                position = replace(position, kafka_offset=None)
            held[place] = position
            self._feeds[place] = Feed(position.epoch, position.last_seq, head.end)
            if position.kafka_offset is not None:
                self._feeds[place].end = None
                known[place] = position.kafka_offset
        self._source.stream(known)
        if len(heads) < len(fresh):
            self._ask_at = time.monotonic() + PAUSE

    def _is_stale(self, place: Place, feed: Feed) -> bool:
        position = self.positions.held.get(place)
        return position is None or position.epoch != feed.epoch

    def _drop_feeds(self, places: Collection[Place]) -> None:
        for place in places:
            del self._feeds[place]

    def _distrust(self, place: Place) -> None:
        """Read this partition from the tables up to the log's end, and go on where Kafka ends by then."""
        self._source.halt([place])
        del self._feeds[place]
        self.positions.held[place] = replace(self.positions.held[place], kafka_offset=None)

    def _catch_up(self, limit: int) -> None:
        """The next events of the tables for every feed that is not with Kafka yet; at their end Kafka goes on."""
        offsets = {}
        for place, feed in self._feeds.items():
            if feed.end is None or feed.ready:
                continue
            events = self._read_tables(place, feed, limit)
            done = len(events) < limit
            for event in events:
                feed.add(event, feed.end if done and event is events[-1] else None)
            if done:
                offsets[place] = feed.end
                feed.end = None
        self._source.stream(offsets)

    def _read_tables(self, place: Place, feed: Feed, limit: int) -> list[StoredEvent]:
        assert self._era is not None  # leases are taken after it is read
        events = read_events(self.positions.connection, {place: feed.last}, self._era, limit, limit)
        check_chain({place: replace(self.positions.held[place], last_seq=feed.last)}, events)
        self.read_from_tables += len(events)
        return events

    def _look_for_overdue(self) -> None:
        """What was published and has not come since the last look is read from the tables."""
        held = self.positions.held
        idle = {
            place: held[place].last_seq for place, feed in self._feeds.items() if self._is_idle(place, feed)
        }
        rows = []
        if idle:
            rows = self.positions.connection.execute(
                OVERDUE, (*columns(idle), list(idle.values()))
            ).fetchall()
        late = {(topic, partition): idle[topic, partition] for topic, partition in rows}
        for place, last_seq in late.items():
            if self._waiting.get(place) == last_seq:
                log.warning(
                    "kafka sent nothing of %s/%d after %d, reading it from the tables (code kafka_overdue)",
                    *place,
                    last_seq,
                )
                self._distrust(place)
        self._waiting = late

    def _is_idle(self, place: Place, feed: Feed) -> bool:
        position = self.positions.held.get(place)
        return position is not None and feed.end is None and feed.last <= position.last_seq

    # --- messages

    def _receive(self, limit: int, wait: float) -> None:
        """Kafka has to be asked even when enough is ready: assignments change in there."""
        ready = sum(len(feed.ready) for feed in self._feeds.values())
        busy = ready or any(feed.end is not None for feed in self._feeds.values())
        messages, broken = self._source.read(max(1, limit - ready), 0.0 if busy else wait)
        for message in messages:
            place = place_of(message)
            feed = self._feeds.get(place) if place in self._source.streaming else None
            if place is not None and feed is not None and place not in broken:
                self._accept(message, place, feed)
        for place in broken & self._feeds.keys():
            self._distrust(place)

    def _accept(self, message: Message, place: Place, feed: Feed) -> None:
        try:
            mark = read_mark(message)
            if mark.era != self._era:
                self._meet_other_era(mark.era)
            elif mark.prev_seq > feed.last:
                log.warning(
                    "kafka lacks %s/%d after %d, reading it from the tables (code kafka_hole)",
                    *place,
                    feed.last,
                )
                self._distrust(place)
            elif mark.seq > feed.last:
                offset = message.offset()
                feed.add(read_event(message, place, mark), None if offset is None else offset + 1)
        except UnreadableMessage as problem:
            # Whatever it was meant to be: the events after it show the hole it leaves, if it leaves one.
            log.warning(
                "kafka: skipped %s/%d offset %s, not written by a relay: %s (code %s)",
                *place,
                message.offset(),
                problem,
                problem.code,
            )

    def _meet_other_era(self, era: UUID) -> None:
        """From before a restore, or from after one that we have not heard of: then it is read from the database."""
        if era not in self._other_eras:
            self._other_eras.add(era)
            self._keep_at = 0.0

    def _next(self, limit: int) -> Batch:
        held = dict(self.positions.held)
        ready = []
        for place, feed in self._feeds.items():
            feed.forget_taken(held[place].last_seq)
            ready.append(feed.ready)
        merged = list(islice(heapq.merge(*ready, key=lambda item: item[0].seq), limit))
        if not merged:
            return Batch()
        offsets = {event.seq: offset for event, offset in merged if offset is not None}
        return Batch.of([event for event, _ in merged], held, offsets)

    def _start_again(self, problem: KafkaException, wait: float) -> None:
        """With a new member of Kafka's group, after a while: nothing of the old one is needed."""
        log.warning(
            "kafka: %s, joining anew (group %s, code kafka_trouble)", problem.args[0].name(), self.group
        )
        self._feeds.clear()
        self._source.close()
        time.sleep(min(wait, PAUSE))


def is_usable(position: Held, topic_id: str, end: int) -> bool:
    """Whether the stored offset is one of this very topic, and not beyond its end."""
    offset = position.kafka_offset
    return offset is not None and position.kafka_topic == topic_id and offset <= end
