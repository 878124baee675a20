"""Proves the derived tables and the log itself: by folding again and comparing, and by the log's own rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from consumers.registry import Consumer
from tms_events.log.base import Transaction

Connection = psycopg.Connection[tuple[Any, ...]]

# Each selects what breaks its rule, one row per breach, as text that names the place.
LOG_RULES = {
    "the versions of an aggregate are contiguous from 1": """
        SELECT aggregate_type || ':' || aggregate_id FROM event
        GROUP BY aggregate_type, aggregate_id HAVING count(*) <> max(version) OR min(version) <> 1
    """,
    "seq is gapless from 1": """
        SELECT seq::text FROM (SELECT seq, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before FROM event_order) AS o
        WHERE seq <> before + 1
    """,
    "the sequencer stands at the last seq": """
        SELECT s.last_seq::text FROM sequencer s
        WHERE s.last_seq <> (SELECT coalesce(max(seq), 0) FROM event_order)
    """,
    "prev_seq names the event before in the same topic and partition": """
        SELECT seq::text FROM (
            SELECT seq, prev_seq, lag(seq, 1, 0::bigint) OVER (PARTITION BY topic, partition ORDER BY seq) AS before
            FROM event_order
        ) AS o WHERE prev_seq <> before
    """,
    "an aggregate's events are ordered by version": """
        SELECT seq::text FROM (
            SELECT o.seq, e.version,
                   lag(e.version) OVER (PARTITION BY e.aggregate_type, e.aggregate_id ORDER BY o.seq) AS before
            FROM event_order o JOIN event e ON e.id = o.event
        ) AS o WHERE version <= before
    """,
    "an event is ordered in its own topic and partition": """
        SELECT o.seq::text FROM event_order o LEFT JOIN event e ON e.id = o.event
        WHERE e.id IS NULL OR (e.topic, e.partition) <> (o.topic, o.partition)
    """,
    "every event is ordered or pending, and only once": """
        SELECT e.event_id::text FROM event e
        LEFT JOIN event_order o ON o.event = e.id LEFT JOIN event_pending p ON p.event = e.id
        WHERE (o.event IS NULL) = (p.event IS NULL)
    """,
    "a payload matches its digest unless it was redacted": """
        SELECT e.event_id::text FROM event e
        WHERE e.digest <> sha256(convert_to(e.payload::text, 'UTF8'))
          AND NOT EXISTS (SELECT FROM event_redaction r WHERE r.event = e.id)
    """,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold, how often, and the first place."""

    subject: str
    rule: str
    count: int
    example: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule}: {self.count} times it does not hold, first {self.example}"


def verify_log(connection: Connection) -> list[Finding]:
    """Check every rule of the log in one snapshot; an empty list means all hold."""
    findings = []
    with connection.transaction(), connection.cursor() as tx:
        tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for rule, breaches in LOG_RULES.items():
            tx.execute(f"SELECT count(*), min(place) FROM ({breaches}) AS breach(place)")
            findings += _findings("log", rule, tx)
    return findings


def verify_projection(consumer: Consumer, connection: Connection) -> list[Finding]:
    """Fold what the group has taken into temporary tables and compare both ways, in one snapshot.

    Positions commit with the rows they stand for, so this needs nobody to stop.
    """
    findings = []
    with connection.transaction(), connection.cursor() as tx:
        tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table in consumer.tables:
            _shadow(table, tx)
        consumer.fold.over_log(consumer.name, consumer.types, tx)
        for table, columns in consumer.tables.items():
            findings += _compare(table, columns, tx)
    return findings


def _shadow(table: str, tx: Transaction) -> None:
    """A temporary table of the same name and shape; unqualified names mean it until the transaction ends."""
    statement = "CREATE TEMPORARY TABLE {0} (LIKE public.{0} INCLUDING ALL) ON COMMIT DROP"
    tx.execute(sql.SQL(statement).format(sql.Identifier(table)))


def _compare(table: str, columns: str, tx: Transaction) -> list[Finding]:
    findings = []
    for rule, given, other in (
        ("every row the log makes is there", "pg_temp", "public"),
        ("no row is there that the log does not make", "public", "pg_temp"),
    ):
        statement = f"""
            SELECT count(*), min(difference::text) FROM (
                SELECT {columns} FROM {given}.{table} EXCEPT ALL SELECT {columns} FROM {other}.{table}
            ) AS difference
        """
        tx.execute(statement)
        findings += _findings(table, rule, tx)
    return findings


def _findings(subject: str, rule: str, tx: Transaction) -> list[Finding]:
    row = tx.fetchone()
    if row is None or row[0] == 0:
        return []
    return [Finding(subject, rule, row[0], row[1])]
