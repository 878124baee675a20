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


# The digest is computed here, over PostgreSQL's own text of the jsonb: a program's JSON text differs from it.
# Identity values are drawn in the order of `ord`, so the facts of one command keep their order.
INSERT_EVENTS = """
WITH given AS (
    SELECT event_id, aggregate_type, aggregate_id, version, type, schema_version, actor, occurred_at,
           correlation_id, causation_id, topic, partition, payload::jsonb AS payload, ord
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::smallint[], %s::bigint[],
                %s::timestamptz[], %s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::text[])
         WITH ORDINALITY AS t(event_id, aggregate_type, aggregate_id, version, type, schema_version, actor, occurred_at,
                              correlation_id, causation_id, topic, partition, payload, ord)
), stored AS (
    INSERT INTO event (event_id, aggregate_type, aggregate_id, version, type, schema_version, actor, occurred_at,
                       correlation_id, causation_id, topic, partition, payload, digest)
    SELECT event_id, aggregate_type, aggregate_id, version, type, schema_version, actor, occurred_at,
           correlation_id, causation_id, topic, partition, payload,
           sha256(convert_to(payload::text, 'UTF8'))
    FROM given ORDER BY ord
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
    cursor.execute(
        INSERT_EVENTS,
        (
            [event.event_id for event in events],
            [event.aggregate_type for event in events],
            [event.aggregate_id for event in events],
            [event.version for event in events],
            [event.type for event in events],
            [event.schema_version for event in events],
            [event.actor for event in events],
            [event.occurred_at for event in events],
            [event.correlation_id for event in events],
            [event.causation_id for event in events],
            [event.topic for event in events],
            [event.partition for event in events],
            [json.dumps(event.payload, ensure_ascii=False) for event in events],
        ),
    )
