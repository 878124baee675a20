"""Dead letters: events a consumer could not take for what is in them, as rows, the only form they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tms_events.envelope import StoredEvent, standalone_fact
from tms_events.log.base import Transaction
from tms_events.outbox import insert_events

DEAD_LETTER_TYPE = "system.dead_letter"
PARKED = "parked"
DETAIL_LENGTH = 1000

INSERT = """
INSERT INTO dead_letter ("group", seq, event_id, event_type, aggregate_type, aggregate_id, code, detail, parked)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ("group", event_id) DO NOTHING
"""

OPEN_AGGREGATES = """
SELECT DISTINCT aggregate_type, aggregate_id FROM dead_letter
WHERE "group" = %s AND resolved_at IS NULL
  AND (aggregate_type, aggregate_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""

Aggregate = tuple[str, str]


def bury(group: str, event: StoredEvent, code: str, detail: str, tx: Transaction) -> None:
    """Write the dead letter, and the fact that there is one, in the transaction that moves past the event.

    A dead letter about a dead letter's fact is a row alone: it would go on for ever.
    """
    _insert(group, event, code, detail, parked=False, tx=tx)
    if event.type != DEAD_LETTER_TYPE:
        fact = standalone_fact(
            DEAD_LETTER_TYPE,
            {
                "group": group,
                "event_id": str(event.event_id),
                "seq": event.seq,
                "event_type": event.type,
                "code": code,
            },
            actor=None,
            occurred_at=datetime.now(UTC),
            correlation_id=event.correlation_id,
        )
        insert_events(tx, [replace(fact, causation_id=event.event_id)])


def park(group: str, events: Sequence[StoredEvent], tx: Transaction) -> None:
    """Set events aside, in order, behind the dead letter of their aggregate."""
    for event in events:
        _insert(
            group, event, PARKED, "an earlier event of this aggregate is a dead letter", parked=True, tx=tx
        )


def blocked_aggregates(group: str, events: Sequence[StoredEvent], tx: Transaction) -> set[Aggregate]:
    """Those aggregates of `events` that have an unresolved dead letter in `group`."""
    aggregates = sorted({(event.aggregate_type, event.aggregate_id) for event in events})
    tx.execute(OPEN_AGGREGATES, (group, [kind for kind, _ in aggregates], [key for _, key in aggregates]))
    return {(row[0], row[1]) for row in tx}


def _insert(group: str, event: StoredEvent, code: str, detail: str, *, parked: bool, tx: Transaction) -> None:
    tx.execute(
        INSERT,
        (
            group,
            event.seq,
            event.event_id,
            event.type,
            event.aggregate_type,
            event.aggregate_id,
            code,
            detail[:DETAIL_LENGTH],
            parked,
        ),
    )
