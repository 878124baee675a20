"""A projection is one piece of SQL over `given`, and `given` is either a batch or the whole log.

So what a rebuild and a verification make is by construction what the batches made one after another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction

# What a fold may use of an event; nothing else is there.
COLUMNS = "seq, event_id, type, aggregate_id, version, actor, occurred_at, topic, partition, payload"

# One document rather than ten arrays: psycopg escapes an array's texts one by one, which cost more than all else.
GIVEN_BATCH = f"""
SELECT {COLUMNS} FROM jsonb_to_recordset(%(events)s::jsonb)
    AS batch(seq bigint, event_id uuid, type text, aggregate_id text, version bigint, actor bigint,
             occurred_at timestamptz, topic text, partition smallint, payload jsonb)
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
            {"events": json.dumps([_row(event) for event in batch], ensure_ascii=False)},
            prepare=False,  # a plan made while the tables were empty would stay for long
        )

    def over_log(self, group: str, types: Collection[str], tx: Transaction) -> None:
        """Fold everything of `types` that `group` has taken, into empty tables."""
        tx.execute(self.statement.replace("{given}", GIVEN_LOG), {"group": group, "types": sorted(types)})


def _row(event: StoredEvent) -> dict[str, Any]:
    """The columns a fold may use, as JSON has them."""
    return {
        "seq": event.seq,
        "event_id": str(event.event_id),
        "type": event.type,
        "aggregate_id": event.aggregate_id,
        "version": event.version,
        "actor": event.actor,
        "occurred_at": event.occurred_at.isoformat(),
        "topic": event.topic,
        "partition": event.partition,
        "payload": event.payload,
    }
