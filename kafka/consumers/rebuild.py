"""Rebuilds a projection from the log while the system runs: readers keep the old rows until the commit."""

from __future__ import annotations

import psycopg
import structlog
from psycopg import sql

from consumers.registry import Consumer
from tms_events.log.base import Batch, Move
from tms_events.log.positions import Positions

ATTEMPTS = 3

log = structlog.get_logger()


def rebuild(consumer: Consumer, positions: Positions) -> dict[str, int]:
    """Empty the consumer's tables and fold into them everything its group has taken; returns rows per table.

    Raises Fenced when another rebuild takes over, psycopg.Error when the database fails; the old rows stay then.
    """
    try:
        _take_over(positions)
        with positions.transaction(Batch(moves=_moves(positions))) as tx:
            # Their rows are locked from here to the commit: nobody can take a lease, however long this lasts.
            for table in consumer.tables:
                tx.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            consumer.fold.over_log(consumer.name, consumer.types, tx)
            return {table: _count(table, tx) for table in consumer.tables}
    finally:
        positions.leave()


def _take_over(positions: Positions) -> None:
    """Batches in flight lock partitions in no fixed order, so the first attempts may meet a deadlock."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            positions.take_over()
            return
        except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable) as problem:
            if attempt == ATTEMPTS:
                raise
            log.info("partitions busy, taking them again", code="rebuild_waits", sqlstate=problem.sqlstate)


def _moves(positions: Positions) -> list[Move]:
    """Stay where the group is, for what comes after has not been judged yet (an event of it may be a dead letter).

    Only a position beyond the log's end, after a restore, goes back to that end.
    """
    row = positions.connection.execute("SELECT last_seq FROM sequencer").fetchone()
    log_end = int(row[0]) if row else 0
    return [
        Move(held, min(held.last_seq, log_end), held.kafka_offset)
        for _, held in sorted(positions.held.items())
    ]


def _count(table: str, tx: psycopg.Cursor[tuple[object, ...]]) -> int:
    row = tx.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return int(str(row[0])) if row else 0
