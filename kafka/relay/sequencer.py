"""Gives pending events the next gapless `seq`, in the order of their ids.

That order is right within an aggregate: whoever sees version 2 pending knows that version 1 was committed before
version 2's transaction got the aggregate's lock, and so has the lower id. One lock makes any number of relays one.
"""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import structlog

from relay.session import Session
from stream.stopping import Backoff
from stream.wakes import Bell, WakeSender

BATCH = 2000
POLL_SECONDS = 0.2

# No ORDER BY: the first row that comes is enough, and a lock would cost a write each time.
LOOK = "SELECT 1 FROM event_pending LIMIT 1"

LOCK = "SELECT last_seq FROM sequencer FOR UPDATE"

# A statement of its own after the lock: in READ COMMITTED it sees everything committed until now.
SEQUENCE = """
WITH gone AS (
    DELETE FROM event_pending
    WHERE event = ANY(ARRAY(SELECT event FROM event_pending ORDER BY event LIMIT %(limit)s))
    RETURNING event
), fresh AS MATERIALIZED (
    SELECT %(last)s + row_number() OVER (ORDER BY e.id) AS seq, e.id, e.topic, e.partition
    FROM gone JOIN event e ON e.id = gone.event
), head AS MATERIALIZED (
    SELECT p.topic, p.partition,
           (SELECT max(o.seq) FROM event_order o WHERE o.topic = p.topic AND o.partition = p.partition) AS seq
    FROM (SELECT DISTINCT topic, partition FROM fresh) AS p
), ordered AS (
    INSERT INTO event_order (seq, event, topic, partition, prev_seq)
    SELECT fresh.seq, fresh.id, fresh.topic, fresh.partition,
           coalesce(lag(fresh.seq) OVER (PARTITION BY fresh.topic, fresh.partition ORDER BY fresh.seq), head.seq, 0)
    FROM fresh JOIN head USING (topic, partition)
    RETURNING seq
)
UPDATE sequencer SET last_seq = %(last)s + (SELECT count(*) FROM ordered) RETURNING last_seq
"""

log = structlog.get_logger()


def sequence_once(connection: psycopg.Connection[tuple[Any, ...]], limit: int = BATCH) -> int | None:
    """Give up to `limit` pending events their `seq`; returns the last one given, None when nothing was pending."""
    if connection.execute(LOOK).fetchone() is None:
        return None
    with connection.transaction():
        before = _only_value(connection.execute(LOCK))
        # Not prepared: a plan made while the tables were empty would stay for long.
        after = _only_value(connection.execute(SEQUENCE, {"last": before, "limit": limit}, prepare=False))
    return after if after > before else None


def _only_value(cursor: psycopg.Cursor[tuple[Any, ...]]) -> int:
    row = cursor.fetchone()
    if row is None:
        raise LookupError("The table sequencer is empty. Run `python manage.py migrate`.")
    return int(row[0])


class Sequencer:
    """Sequences until `stop` is set: woken by `bell`, looking every 200 ms besides."""

    def __init__(self, session: Session, bell: Bell, wakes: WakeSender, stop: threading.Event) -> None:
        self._session = session
        self._bell = bell
        self._wakes = wakes
        self._stop = stop

    def run(self) -> None:
        backoff = Backoff(self._stop)
        try:
            while not self._stop.is_set():
                try:
                    seq = sequence_once(self._session.connection)
                    backoff.reset()
                except psycopg.Error as problem:
                    log.warning(
                        "sequencing failed, trying again", code="sequencer_waits", sqlstate=problem.sqlstate
                    )
                    backoff.wait()
                    continue
                if seq is None:
                    self._bell.wait(POLL_SECONDS)
                else:
                    self._wakes.send(seq)
        finally:
            self._session.close()
