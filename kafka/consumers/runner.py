"""Carries one consumer: read, check, handle a batch in the transaction that moves the position, set aside, stop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import psycopg
import structlog

from consumers.dead_letters import blocked_aggregates, bury, park
from consumers.registry import Consumer
from stream.stopping import Backoff
from tms_events.envelope import StoredEvent
from tms_events.log.base import Batch, EventLog, Fenced, Transaction
from tms_events.schemas import InvalidEvent, validate
from tms_events.types import EVENT_TYPES

BATCH = 1000
POLL_SECONDS = 0.2

# What an event itself can be to blame for. It is asked only after the fence held: a member that was overtaken fails
# at the fence, never here. (InvalidEvent is a ValueError.)
PERMANENT = (psycopg.DataError, psycopg.IntegrityError, ArithmeticError, LookupError, TypeError, ValueError)

log = structlog.get_logger()


class Runner:
    """Runs `consumer` over `event_log` until `stop` is set. One thread."""

    def __init__(
        self, consumer: Consumer, event_log: EventLog, stop: threading.Event, batch_size: int = BATCH
    ) -> None:
        self._consumer = consumer
        self._event_log = event_log
        self._stop = stop
        self._batch_size = batch_size
        self._log = log.bind(group=consumer.name)
        self.unknown: Counter[str] = Counter()

    def run(self) -> None:
        """Returns when stopped, with the batch in hand finished. Raises LogError where the log contradicts itself."""
        backoff = Backoff(self._stop)
        self._log.info("consumer started")
        try:
            while not self._stop.is_set():
                try:
                    self.step(POLL_SECONDS)
                    backoff.reset()
                except Fenced as problem:
                    self._log.info("overtaken", code=problem.code)
                except psycopg.Error as problem:
                    self._log.warning(
                        "waiting", code="transient", sqlstate=problem.sqlstate, error=trouble_of(problem)
                    )
                    backoff.wait()
        finally:
            self._leave()
        self._log.info("consumer stopped")

    def step(self, wait: float) -> int:
        """Take one batch; returns how many events it had."""
        batch = self._event_log.poll(self._batch_size, wait)
        if batch.events:
            self._take(batch)
            self._count_unknown(batch.events)
        return len(batch.events)

    def _take(self, batch: Batch) -> None:
        try:
            with self._event_log.transaction(batch) as tx:
                self._handle(batch.events, tx)
        except PERMANENT as problem:
            self._log.warning(
                "batch refused, taking it one by one",
                code=code_of(problem),
                first_seq=batch.events[0].seq,
                last_seq=batch.events[-1].seq,
            )
            for single in batch.singles():
                self._take_single(single)

    def _take_single(self, single: Batch) -> None:
        try:
            with self._event_log.transaction(single) as tx:
                self._handle(single.events, tx)
        except PERMANENT as problem:
            event, code = single.events[0], code_of(problem)
            with self._event_log.transaction(single) as tx:
                bury(self._consumer.name, event, code, detail_of(problem), tx)
            self._log.error(
                "dead letter", code=code, event_id=str(event.event_id), seq=event.seq, event_type=event.type
            )

    def _handle(self, events: Sequence[StoredEvent], tx: Transaction) -> None:
        wanted = [event for event in events if event.type in self._consumer.types]
        if wanted and self._consumer.ordered:
            wanted = self._without_parked(wanted, tx)
        for event in wanted:
            validate(event.type, event.schema_version, event.payload)
        if wanted:
            self._consumer.handle(wanted, tx)

    def _without_parked(self, events: Sequence[StoredEvent], tx: Transaction) -> list[StoredEvent]:
        blocked = blocked_aggregates(self._consumer.name, events, tx)
        if not blocked:
            return list(events)
        behind = [event for event in events if (event.aggregate_type, event.aggregate_id) in blocked]
        park(self._consumer.name, behind, tx)
        return [event for event in events if (event.aggregate_type, event.aggregate_id) not in blocked]

    def _count_unknown(self, events: Sequence[StoredEvent]) -> None:
        """A newer program may write types that this one does not know; they are not this one's to judge."""
        for event in events:
            if event.type not in EVENT_TYPES:
                if event.type not in self.unknown:
                    self._log.warning(
                        "unknown event type ignored", code="unknown_event_type", event_type=event.type
                    )
                self.unknown[event.type] += 1

    def _leave(self) -> None:
        try:
            self._event_log.close()
        except psycopg.Error as problem:
            # The leases end by themselves.
            self._log.warning("left without saying so", code="transient", sqlstate=problem.sqlstate)


def code_of(problem: BaseException) -> str:
    """A stable code for a dead letter: our own errors name theirs, the database's are its SQLSTATE."""
    code = getattr(problem, "code", None)
    if isinstance(code, str):
        return code
    if isinstance(problem, psycopg.Error) and problem.sqlstate:
        return f"sql_{problem.sqlstate}"
    return "unreadable_event"


def detail_of(problem: BaseException) -> str:
    """What went wrong, for the dead letter's row, without what the event says: the row outlives an erasure.

    A schema's message names places and rules; other messages often quote the value.
    """
    if isinstance(problem, InvalidEvent):
        return str(problem)
    names = [type(problem).__name__]
    if isinstance(problem, psycopg.Error):
        names += [name for name in (problem.diag.constraint_name, problem.diag.column_name) if name]
    return " ".join(names)


def trouble_of(problem: psycopg.Error) -> str:
    """What to log of trouble that may pass. A missing table, column or right is named: an operator has to mend it."""
    if isinstance(problem, psycopg.ProgrammingError) and problem.diag.message_primary:
        return problem.diag.message_primary
    return type(problem).__name__
