"""A projection is one piece of SQL over `given`, and `given` is either a batch or the whole log.

So what a rebuild and a verification make is by construction what the batches made one after another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction

# What a fold may use of an event; nothing else is there.
COLUMNS = "seq, event_id, type, aggregate_id, version, actor, occurred_at, topic, partition, payload"

GIVEN_BATCH = f"""
SELECT {COLUMNS} FROM (
    SELECT seq, event_id, type, aggregate_id, version, actor, occurred_at, topic, partition, payload::jsonb AS payload
    FROM unnest(%(seqs)s::bigint[], %(event_ids)s::uuid[], %(types)s::text[], %(aggregate_ids)s::text[],
                %(versions)s::bigint[], %(actors)s::bigint[], %(times)s::timestamptz[], %(topics)s::text[],
                %(partitions)s::smallint[], %(payloads)s::text[])
         AS batch(seq, event_id, type, aggregate_id, version, actor, occurred_at, topic, partition, payload)
) AS batch
"""

# Exactly what the group has taken: up to its positions, without what it could not take.
GIVEN_LOG = """
SELECT o.seq, e.event_id, e.type, e.aggregate_id, e.version, e.actor, e.occurred_at, e.topic, e.partition, e.payload
FROM consumer_position p
JOIN event_order o ON o.topic = p.topic AND o.partition = p.partition AND o.seq <= p.last_seq
JOIN event e ON e.id = o.event
WHERE p."group" = %(group)s AND e.type = ANY(%(types)s)
  AND NOT EXISTS (SELECT FROM dead_letter d
                  WHERE d."group" = p."group" AND d.event_id = e.event_id AND d.resolved_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Fold:
    """`statement` begins with a CTE that holds the marker {given}; it may run twice over the same events."""

    statement: str

    def over_batch(self, batch: Sequence[StoredEvent], tx: Transaction) -> None:
        """Fold the events of `batch`."""
        tx.execute(
            self.statement.replace("{given}", GIVEN_BATCH),
            {
                "seqs": [event.seq for event in batch],
                "event_ids": [event.event_id for event in batch],
                "types": [event.type for event in batch],
                "aggregate_ids": [event.aggregate_id for event in batch],
                "versions": [event.version for event in batch],
                "actors": [event.actor for event in batch],
                "times": [event.occurred_at for event in batch],
                "topics": [event.topic for event in batch],
                "partitions": [event.partition for event in batch],
                "payloads": [json.dumps(event.payload, ensure_ascii=False) for event in batch],
            },
            prepare=False,  # a plan made while the tables were empty would stay for long
        )

    def over_log(self, group: str, types: Collection[str], tx: Transaction) -> None:
        """Fold everything of `types` that `group` has taken, into empty tables."""
        tx.execute(self.statement.replace("{given}", GIVEN_LOG), {"group": group, "types": sorted(types)})
