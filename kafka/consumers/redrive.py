"""Re-drives dead letters: the events of one aggregate, in order, once what they failed for is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from consumers.registry import CONSUMERS
from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction
from tms_events.schemas import validate

OPEN_LETTERS = """
SELECT id, "group", seq, event_type, aggregate_type, aggregate_id, code, parked
FROM dead_letter WHERE resolved_at IS NULL ORDER BY "group", seq
"""

# No batch of that partition is in flight while this is held, so none can park an event behind a letter being resolved.
LOCK_PARTITION = """
SELECT 1 FROM consumer_position p JOIN dead_letter d ON d.id = %s
JOIN event e ON e.event_id = d.event_id
WHERE p."group" = d."group" AND p.topic = e.topic AND p.partition = e.partition
FOR UPDATE OF p
"""

# An ordered consumer's letters of one aggregate go together; another's stand alone.
LETTERS = """
SELECT also.id, o.seq, o.prev_seq, s.era, e.event_id, e.type, e.schema_version, e.aggregate_type, e.aggregate_id,
       e.version, e.actor, e.occurred_at, e.correlation_id, e.causation_id, e.topic, e.partition, e.payload
FROM dead_letter given
JOIN dead_letter also ON also."group" = given."group" AND also.aggregate_type = given.aggregate_type
    AND also.aggregate_id = given.aggregate_id AND also.resolved_at IS NULL
    AND (also.id = given.id OR %(ordered)s)
JOIN event e ON e.event_id = also.event_id
JOIN event_order o ON o.event = e.id
CROSS JOIN sequencer s
WHERE given.id = %(id)s AND given.resolved_at IS NULL
ORDER BY o.seq
"""


class UnknownDeadLetter(LookupError):
    """There is no dead letter of that id."""

    code = "unknown_dead_letter"


@dataclass(frozen=True, slots=True)
class Letter:
    """An unresolved dead letter, as operators see it."""

    id: int
    group: str
    seq: int
    event_type: str
    aggregate_type: str
    aggregate_id: str
    code: str
    parked: bool

    def __str__(self) -> str:
        state = "parked" if self.parked else self.code
        aggregate = f"{self.aggregate_type}:{self.aggregate_id}"
        return f"{self.id}  {self.group}  seq {self.seq}  {self.event_type}  {aggregate}  {state}"


def open_letters(connection: psycopg.Connection[tuple[Any, ...]]) -> list[Letter]:
    """Every unresolved dead letter, by group and `seq`."""
    with connection.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(OPEN_LETTERS).fetchall()


def retry_letter(letter_id: int, connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    """Handle a dead letter's event again, with what is parked behind it; returns how many were resolved.

    A letter that is resolved already resolves none. Raises UnknownDeadLetter, or what the handler raised: then
    nothing has changed.
    """
    row = connection.execute('SELECT "group" FROM dead_letter WHERE id = %s', (letter_id,)).fetchone()
    if row is None:
        raise UnknownDeadLetter(f"There is no dead letter {letter_id}. `dead-letters list` shows them.")
    consumer = CONSUMERS[row[0]]
    with connection.transaction(), connection.cursor() as tx:
        tx.execute(LOCK_PARTITION, (letter_id,))
        ids, events = _letters(letter_id, consumer.ordered, tx)
        for event in events:
            validate(event.type, event.schema_version, event.payload)
        if events:
            consumer.handle(events, tx)
            tx.execute("UPDATE dead_letter SET resolved_at = now() WHERE id = ANY(%s)", (ids,))
    return len(ids)


def _letters(letter_id: int, ordered: bool, tx: Transaction) -> tuple[list[int], list[StoredEvent]]:
    tx.execute(LETTERS, {"id": letter_id, "ordered": ordered})
    names = [column.name for column in tx.description or ()][1:]
    rows = tx.fetchall()
    return [row[0] for row in rows], [StoredEvent(**dict(zip(names, row[1:], strict=True))) for row in rows]
