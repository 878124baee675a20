"""Reads events in their order from the tables themselves, which have them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg

from tms_events.envelope import StoredEvent
from tms_events.log.base import Place

# Of `event_order` as o and `event` as e; see stored_event.
COLUMNS = """
       o.seq, o.prev_seq, e.event_id, e.type, e.schema_version, e.aggregate_type, e.aggregate_id, e.version, e.actor,
       e.occurred_at, e.correlation_id, e.causation_id, e.topic, e.partition, e.payload"""

# One index probe per held partition. A scan by `seq` alone would read every other topic's rows on the way.
READ = f"""
SELECT {COLUMNS}
FROM (
    SELECT next.seq, next.prev_seq, next.event
    FROM unnest(%s::text[], %s::smallint[], %s::bigint[]) AS held(topic, partition, last_seq)
    CROSS JOIN LATERAL (
        SELECT seq, prev_seq, event FROM event_order
        WHERE topic = held.topic AND partition = held.partition AND seq > held.last_seq
        ORDER BY seq LIMIT %s
    ) AS next
    ORDER BY next.seq LIMIT %s
) AS o
JOIN event e ON e.id = o.event
ORDER BY o.seq
"""


def read_events(
    connection: psycopg.Connection[tuple[Any, ...]],
    last: Mapping[Place, int],
    era: UUID,
    per_partition: int,
    limit: int,
) -> list[StoredEvent]:
    """The next events after each partition's `last` seq, in order: at most `per_partition` of each, `limit` in all."""
    topics, partitions = [topic for topic, _ in last], [partition for _, partition in last]
    # Not prepared: a plan made while the tables were empty would stay for long.
    rows = connection.execute(
        READ, (topics, partitions, list(last.values()), per_partition, limit), prepare=False
    )
    return [stored_event(row, era) for row in rows]


def stored_event(row: tuple[Any, ...], era: UUID) -> StoredEvent:
    """The event of a row with the columns that COLUMNS names, in that order, and others after them."""
    return StoredEvent(
        seq=row[0],
        prev_seq=row[1],
        era=era,
        event_id=row[2],
        type=row[3],
        schema_version=row[4],
        aggregate_type=row[5],
        aggregate_id=row[6],
        version=row[7],
        actor=row[8],
        occurred_at=row[9],
        correlation_id=row[10],
        causation_id=row[11],
        topic=row[12],
        partition=row[13],
        payload=row[14],
    )
