"""The rows of `consumer_position` and `consumer_member`: who may move which position, and the move itself.

Both engines use it, for leases and fence are the same whatever carries the events. All times are the database's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from typing import Any

import psycopg
from psycopg import sql

from tms_events.log.base import Batch, Fenced, Held, Move, Place, PositionAhead, Transaction
from tms_events.topics import partitions_by_topic

Connect = Callable[[], psycopg.Connection[tuple[Any, ...]]]

ENSURE_POSITIONS = """
INSERT INTO consumer_position ("group", topic, partition, era)
SELECT %s, place.topic, place.partition, sequencer.era
FROM unnest(%s::text[], %s::smallint[]) AS place(topic, partition), sequencer
ON CONFLICT DO NOTHING
"""

SAY_ALIVE = """
INSERT INTO consumer_member ("group", member, alive_until) VALUES (%s, %s, clock_timestamp() + %s)
ON CONFLICT ("group", member) DO UPDATE SET alive_until = excluded.alive_until
"""

# Each member clears the long dead away, so that killed processes leave no rows behind.
FORGET_THE_DEAD = """
DELETE FROM consumer_member WHERE "group" = %s AND alive_until < clock_timestamp() - interval '10 minutes'
"""

COUNT_ALIVE = """
SELECT count(*) FROM consumer_member WHERE "group" = %s AND alive_until > clock_timestamp()
"""

RENEW = """
UPDATE consumer_position p SET lease_until = clock_timestamp() + %s
FROM unnest(%s::text[], %s::smallint[], %s::bigint[]) AS mine(topic, partition, epoch)
WHERE p."group" = %s AND p.topic = mine.topic AND p.partition = mine.partition
  AND p.lease_owner = %s AND p.lease_epoch = mine.epoch
RETURNING p.topic, p.partition
"""

# Free are: never held, expired, and what this member held before it lost its connection. A row that someone is
# writing (a batch that is longer than its lease, a rebuild) is skipped: its owner lives.
# After a restore the era is another. The rows here come from the same backup as the log, so the position stands; only
# Kafka's offset means nothing any more.
ACQUIRE = """
WITH free AS (
    SELECT topic, partition FROM consumer_position
    WHERE "group" = %(group)s
      AND (topic, partition) IN (SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::smallint[]))
      AND (lease_until IS NULL OR lease_until < clock_timestamp() OR lease_owner = %(member)s)
    ORDER BY topic, partition LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE consumer_position p
SET lease_owner = %(member)s, lease_epoch = p.lease_epoch + 1, lease_until = clock_timestamp() + %(lease)s,
    kafka_offset = CASE WHEN p.era = s.era THEN p.kafka_offset END, era = s.era
FROM free, sequencer s
WHERE p."group" = %(group)s AND p.topic = free.topic AND p.partition = free.partition
RETURNING p.topic, p.partition, p.lease_epoch, p.era, p.last_seq, p.kafka_offset, p.kafka_topic, s.last_seq
"""

# In the order of the key, after the batches in flight; from then on every other member fails at its fence.
TAKE_OVER = """
WITH mine AS MATERIALIZED (
    SELECT topic, partition FROM consumer_position
    WHERE "group" = %(group)s
      AND (topic, partition) IN (SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::smallint[]))
    ORDER BY topic, partition FOR UPDATE
)
UPDATE consumer_position p
SET lease_owner = %(member)s, lease_epoch = p.lease_epoch + 1, lease_until = clock_timestamp() + %(lease)s,
    kafka_offset = CASE WHEN p.era = s.era THEN p.kafka_offset END, era = s.era
FROM mine, sequencer s
WHERE p."group" = %(group)s AND p.topic = mine.topic AND p.partition = mine.partition
RETURNING p.topic, p.partition, p.lease_epoch, p.era, p.last_seq, p.kafka_offset, p.kafka_topic
"""

RELEASE = """
UPDATE consumer_position p SET lease_owner = NULL, lease_until = NULL
FROM unnest(%s::text[], %s::smallint[], %s::bigint[]) AS mine(topic, partition, epoch)
WHERE p."group" = %s AND p.topic = mine.topic AND p.partition = mine.partition
  AND p.lease_owner = %s AND p.lease_epoch = mine.epoch
"""

MOVE = """
UPDATE consumer_position p
SET last_seq = m.new_seq, kafka_offset = m.kafka_offset, kafka_topic = m.kafka_topic,
    lease_until = clock_timestamp() + %s
FROM unnest(%s::text[], %s::smallint[], %s::bigint[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
     AS m(topic, partition, epoch, era, old_seq, new_seq, kafka_offset, kafka_topic)
WHERE p."group" = %s AND p.topic = m.topic AND p.partition = m.partition
  AND p.lease_owner = %s AND p.lease_epoch = m.epoch AND p.era = m.era AND p.last_seq = m.old_seq
"""

# Counted up to a bound per partition: a gauge need not know how many millions it is behind.
LAG = """
SELECT coalesce(sum(behind.events), 0)
FROM consumer_position p
CROSS JOIN LATERAL (
    SELECT count(*) AS events FROM (
        SELECT 1 FROM event_order o
        WHERE o.topic = p.topic AND o.partition = p.partition AND o.seq > p.last_seq LIMIT 100000
    ) AS waiting
) AS behind
WHERE p."group" = %s AND p.topic = ANY(%s)
"""


def places_of(topics: Sequence[str]) -> list[Place]:
    """Every partition of `topics`, as topics.toml has them."""
    return [(topic, part) for topic in sorted(topics) for part in range(partitions_by_topic()[topic])]


def columns(places: Collection[Place]) -> tuple[list[str], list[int]]:
    """Places as the two arrays that the statements take."""
    return [topic for topic, _ in places], [partition for _, partition in places]


class Positions:
    """The positions of one group as one member holds them, over one connection.

    `held` is what this member believes; the database decides, at the fence of every batch.
    """

    def __init__(
        self, group: str, member: str, topics: Sequence[str], connect: Connect, lease: timedelta
    ) -> None:
        self.group = group
        self.member = member
        self.topics = sorted(topics)
        self.lease = lease
        self.held: dict[Place, Held] = {}
        self._connect = connect
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @property
    def connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        """The connection, made anew when it was lost; the leases are dropped then, for others may have them."""
        if self._connection is None or self._connection.closed:
            self.held.clear()
            connection = self._connect()
            try:
                connection.execute(ENSURE_POSITIONS, (self.group, *columns(places_of(self.topics))))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextmanager
    def transaction(self, batch: Batch) -> Iterator[Transaction]:
        """The fence, then the caller's effects, then COMMIT. See `EventLog.transaction`."""
        connection = self.connection
        with connection.transaction(), connection.cursor() as tx:
            self._move(tx, batch.moves)
            yield tx
        self.held.update({move.held.place: move.after() for move in batch.moves})

    def _move(self, tx: Transaction, moves: Sequence[Move]) -> None:
        held = [move.held for move in moves]
        tx.execute(
            MOVE,
            (
                self.lease,
                *columns([position.place for position in held]),
                [position.epoch for position in held],
                [position.era for position in held],
                [position.last_seq for position in held],
                [move.new_seq for move in moves],
                [move.kafka_offset for move in moves],
                [position.kafka_topic for position in held],
                self.group,
                self.member,
            ),
        )
        if tx.rowcount < len(moves):
            for position in held:
                self.held.pop(position.place, None)
            raise Fenced(
                f"{self.group}: {len(moves) - tx.rowcount} of {len(moves)} partitions were taken over"
            )

    def keep(self) -> None:
        """Say that this member lives and renew its leases; forget those that others have taken."""
        connection = self.connection
        with connection.transaction():
            # Losing this to a crash of the server only makes the leases shorter.
            connection.execute("SET LOCAL synchronous_commit = off")
            connection.execute(SAY_ALIVE, (self.group, self.member, self.lease))
            connection.execute(FORGET_THE_DEAD, (self.group,))
            kept = set(self._renew(connection)) if self.held else set()
        for place in set(self.held) - kept:
            del self.held[place]

    def _renew(self, connection: psycopg.Connection[tuple[Any, ...]]) -> list[Place]:
        epochs = [position.epoch for position in self.held.values()]
        rows = connection.execute(RENEW, (self.lease, *columns(self.held), epochs, self.group, self.member))
        return [(row[0], row[1]) for row in rows]

    def share(self) -> int:
        """How many partitions this member may hold: all of them divided by the members alive, rounded up."""
        row = self.connection.execute(COUNT_ALIVE, (self.group,)).fetchone()
        alive = max(row[0], 1) if row else 1
        return ceil(len(places_of(self.topics)) / alive)

    def acquire(self, limit: int, among: Collection[Place] | None = None) -> None:
        """Take up to `limit` more partitions (of `among`, or of all) that nobody holds, each with the next epoch.

        Commits synchronously whatever the session says: an epoch lost in a crash would be given out twice.
        """
        places = places_of(self.topics) if among is None else sorted(among)
        topics, partitions = columns([place for place in places if place not in self.held])
        connection = self.connection
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = on")
            rows = connection.execute(
                ACQUIRE,
                {
                    "group": self.group,
                    "member": self.member,
                    "topics": topics,
                    "partitions": partitions,
                    "limit": limit,
                    "lease": self.lease,
                },
            ).fetchall()
            for topic, partition, _, _, last_seq, *_, log_end in rows:
                self._check_not_ahead(topic, partition, last_seq, log_end)
        for row in rows:
            position = Held(*row[:7])
            self.held[position.place] = position

    def take_over(self) -> None:
        """Take every partition from whoever holds it, for a rebuild. Committed before anything long begins.

        A long transaction that took them itself would leave the others waiting at their fence instead of failing.
        """
        topics, partitions = columns(places_of(self.topics))
        with self.connection.transaction():
            self.connection.execute("SET LOCAL synchronous_commit = on")
            rows = self.connection.execute(
                TAKE_OVER,
                {
                    "group": self.group,
                    "member": self.member,
                    "topics": topics,
                    "partitions": partitions,
                    "lease": self.lease,
                },
            ).fetchall()
        self.held = {position.place: position for position in (Held(*row) for row in rows)}

    def _check_not_ahead(self, topic: str, partition: int, last_seq: int, log_end: int) -> None:
        if last_seq > log_end:
            raise PositionAhead(
                f"{self.group} has read {topic}/{partition} up to {last_seq}, but the log ends at {log_end}: it was "
                f"restored to an earlier moment. Run `python -m consumers rebuild {self.group}`."
            )

    def release(self, places: Collection[Place]) -> None:
        """Give partitions back, so that another member need not wait until the lease ends."""
        if not places:
            return
        epochs = [self.held[place].epoch for place in places]
        self.connection.execute(RELEASE, (*columns(places), epochs, self.group, self.member))
        for place in list(places):
            del self.held[place]

    def lag(self) -> int:
        """See `EventLog.lag`."""
        row = self.connection.execute(LAG, (self.group, self.topics)).fetchone()
        return int(row[0]) if row else 0

    def leave(self) -> None:
        """Release everything and say goodbye. A connection that is gone already has nothing to give back."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            self.release(list(self.held))
            connection.execute(
                sql.SQL('DELETE FROM consumer_member WHERE "group" = %s AND member = %s'),
                (self.group, self.member),
            )
        finally:
            connection.close()
            self.held.clear()
