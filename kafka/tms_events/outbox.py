"""The one way an event enters the log: an INSERT in the caller's own transaction.

Django's services, the consumers (a dead letter) and Flask (reports) all call it over their own connection, so the
event commits with the change it tells of, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from tms_events.envelope import Event
from tms_events.schemas import validate


class Cursor(Protocol):
    """What psycopg's and Django's cursors have in common."""

    def execute(self, query: Any, params: Any = None, /) -> Any: ...


# One document rather than thirteen arrays: psycopg escapes an array's texts one by one, which costs more than the rest.
# The digest is computed here, over PostgreSQL's own text of the jsonb: a program's JSON text differs from it.
# Identity values are drawn in the order of `ord`, so the facts of one command keep their order.
INSERT_EVENTS = """
WITH stored AS (
    INSERT INTO event (event_id, aggregate_type, aggregate_id, version, type, schema_version, actor, occurred_at,
                       correlation_id, causation_id, topic, partition, payload, digest)
    SELECT event_id, aggregate_type, aggregate_id, version, type, schema_version, actor, occurred_at,
           correlation_id, causation_id, topic, partition, payload,
           sha256(convert_to(payload::text, 'UTF8'))
    FROM ROWS FROM (
        jsonb_to_recordset(%s::jsonb)
        AS (event_id uuid, aggregate_type text, aggregate_id text, version bigint, type text, schema_version smallint,
            actor bigint, occurred_at timestamptz, correlation_id uuid, causation_id uuid, topic text,
            partition smallint, payload jsonb)
    ) WITH ORDINALITY AS given(event_id, aggregate_type, aggregate_id, version, type, schema_version, actor,
                               occurred_at, correlation_id, causation_id, topic, partition, payload, ord)
    ORDER BY ord
    RETURNING id
)
INSERT INTO event_pending (event) SELECT id FROM stored
"""


def insert_events(cursor: Cursor, events: Sequence[Event]) -> None:
    """Validate `events` against their schemas and insert them, in order, with their pending rows.

    Raises `tms_events.schemas.InvalidEvent` before anything is written, and the database's unique violation when a
    version of an aggregate is stated twice.
    """
    if not events:
        return
    for event in events:
        validate(event.type, event.schema_version, event.payload)
    cursor.execute(INSERT_EVENTS, (json.dumps([_row(event) for event in events], ensure_ascii=False),))


def _row(event: Event) -> dict[str, Any]:
    """The columns as JSON has them."""
    return {
        "event_id": str(event.event_id),
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "version": event.version,
        "type": event.type,
        "schema_version": event.schema_version,
        "actor": event.actor,
        "occurred_at": event.occurred_at.isoformat(),
        "correlation_id": str(event.correlation_id),
        "causation_id": str(event.causation_id) if event.causation_id else None,
        "topic": event.topic,
        "partition": event.partition,
        "payload": event.payload,
    }
