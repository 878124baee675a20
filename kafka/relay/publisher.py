"""Publishes sequenced events to Kafka, in their order, and says so in the watermark once Kafka has them all.

Any trouble ends in the same way: the producer is thrown away with all it had, and a new one starts again from the
watermark. Repeats are expected and dropped by `seq`; an event that Kafka lacks is found in the tables.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import psycopg
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from relay.session import Session
from relay.watermark import Connection, Watermark, WatermarkMoved
from stream.stopping import Backoff
from stream.wakes import Bell
from tms_events.envelope import StoredEvent
from tms_events.log.base import LEASE
from tms_events.log.kafka_messages import headers_of, key_of, value_of
from tms_events.log.kafka_source import CLIENT_LOG_LEVEL
from tms_events.log.kafka_topics import MESSAGE_BYTES, TopicTrouble, ensure_topics
from tms_events.log.tables import COLUMNS, stored_event

BATCH = 1000
POLL_SECONDS = 0.2
# How long a stop waits for what is on its way.
FINISH_SECONDS = 3.0
FLUSH_SECONDS = 0.1

NEXT = f"""
SELECT {COLUMNS}, s.era
FROM (SELECT seq, prev_seq, event FROM event_order WHERE seq > %s ORDER BY seq LIMIT %s) AS o
JOIN event e ON e.id = o.event CROSS JOIN sequencer s
ORDER BY o.seq
"""

log = structlog.get_logger()
client_log = logging.getLogger(__name__)


class DeliveryFailed(RuntimeError):
    """Kafka did not take an event; what came after it may be there."""

    code = "delivery_failed"


class Stopped(RuntimeError):
    """Told to stop while events were on their way: they are published again."""

    code = "stopped"


# What a new producer may get over. A topic that is wrong is not, but somebody may mend it meanwhile.
TROUBLE = (psycopg.Error, KafkaException, DeliveryFailed, WatermarkMoved, Stopped, TopicTrouble)


class Delivery:
    """Counts the reports of one batch. `refused` has the errors by name."""

    def __init__(self) -> None:
        self.delivered = 0
        self.refused: Counter[str] = Counter()

    def __call__(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.refused[error.name()] += 1


class Publisher:
    """Publishes until `stop` is set: woken by `bell`, looking every 200 ms besides. One thread, in the process that
    uses it: a producer that was made before a fork never delivers."""

    def __init__(
        self,
        session: Session,
        bootstrap: str,
        bell: Bell,
        stop: threading.Event,
        member: str,
        lease: timedelta = LEASE,
    ) -> None:
        self._session = session
        self._bootstrap = bootstrap
        self._bell = bell
        self._stop = stop
        self._watermark = Watermark(member, lease)
        self._renewal = lease.total_seconds() / 3
        self._producer: Producer | None = None
        self._published: int | None = None
        self._renew_at = 0.0
        self._away = False

    def run(self) -> None:
        backoff = Backoff(self._stop)
        try:
            while not self._stop.is_set():
                try:
                    if not self.step():
                        self._bell.wait(POLL_SECONDS)
                    backoff.reset()
                except TROUBLE as problem:
                    self._report(problem)
                    self.discard()
                    backoff.wait()
        finally:
            self.close()

    def step(self) -> int:
        """Publish the next events; returns how many: 0 also while another relay does it. Raises one of TROUBLE."""
        connection = self._session.connection
        self._hold(connection)
        if self._published is None:
            return 0
        rows = connection.execute(NEXT, (self._published, BATCH), prepare=False).fetchall()
        if not rows:
            return 0
        events = [stored_event(row, row[-1]) for row in rows]
        self._deliver(events, connection)
        self._away = False
        self._watermark.move(connection, self._published, events[-1].seq)
        self._published = events[-1].seq
        return len(events)

    def _hold(self, connection: Connection) -> None:
        """When due: renew the lease or try to get it, and hear of a watermark that was set back."""
        if time.monotonic() < self._renew_at:
            return
        held = self._watermark.hold(connection)
        if self._published is not None and held != self._published:
            raise WatermarkMoved(
                f"The watermark was {self._published} and is {held}; None is another relay's."
            )
        if held is not None and self._published is None:
            log.info("publishing", after_seq=held)
        self._published = held
        self._renew_at = time.monotonic() + self._renewal

    def _deliver(self, events: Sequence[StoredEvent], connection: Connection) -> None:
        """Returns once Kafka has said of every event that it has it."""
        producer, delivery = self._made_producer(), Delivery()
        sent = sum(self._send(event, producer, delivery) for event in events)
        deadline: float | None = None
        while delivery.delivered < sent:
            producer.flush(FLUSH_SECONDS)
            if delivery.refused:
                raise DeliveryFailed(", ".join(sorted(delivery.refused)))
            self._hold(connection)
            if self._stop.is_set():
                deadline = deadline or time.monotonic() + FINISH_SECONDS
                if time.monotonic() > deadline:
                    raise Stopped(f"{sent - delivery.delivered} of {sent} were not reported yet.")

    def _send(self, event: StoredEvent, producer: Producer, delivery: Delivery) -> bool:
        """Whether Kafka's client took it. What is too large for Kafka, consumers find in the tables."""
        while True:
            try:
                producer.produce(
                    event.topic,
                    key=key_of(event),
                    value=value_of(event),
                    partition=event.partition,
                    headers=headers_of(event),
                    on_delivery=delivery,
                )
                return True
            except BufferError:
                producer.poll(FLUSH_SECONDS)
            except KafkaException as problem:
                if problem.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise
                log.error("too large for Kafka, left to the tables", code="event_too_large", seq=event.seq)
                return False

    def _made_producer(self) -> Producer:
        """With each new producer the topics are looked after: they may have gone with the broker's data."""
        if self._producer is None:
            if made := ensure_topics(self._bootstrap):
                log.info("topics made", topics=made)
            settings = producer_settings(self._bootstrap)
            self._producer = Producer(settings | {"error_cb": self._on_error}, logger=client_log)
        return self._producer

    def _on_error(self, error: KafkaError) -> None:
        """Of the connection. It is tried again by itself, so once per batch is enough to say it."""
        if not self._away:
            log.warning("kafka is away", code="kafka_away", error=error.str())
        self._away = True

    def discard(self) -> None:
        """Throw the producer away with all it had, and forget where we were."""
        producer, self._producer = self._producer, None
        self._published, self._renew_at = None, 0.0
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True)
            producer.flush(FLUSH_SECONDS)

    def close(self) -> None:
        """Let another relay go on at once."""
        self.discard()
        try:
            self._watermark.give_back(self._session.connection)
        except psycopg.Error as problem:
            # The lease ends by itself.
            log.warning("left without saying so", code="publisher_waits", sqlstate=problem.sqlstate)
        self._session.close()

    def _report(self, problem: BaseException) -> None:
        code = getattr(problem, "code", "publisher_waits")
        log.warning(
            "publishing stopped, starting again from the watermark",
            code=code if isinstance(code, str) else "publisher_waits",
            error=type(problem).__name__,
            detail=detail_of(problem),
        )


def detail_of(problem: BaseException) -> str:
    """What went wrong, without what an event says."""
    if isinstance(problem, psycopg.Error):
        return problem.sqlstate or ""
    if isinstance(problem, KafkaException):
        return str(problem.args[0].name())
    return str(problem)


def producer_settings(bootstrap: str) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap,
        "client.id": "daybook-relay",
        "enable.idempotence": True,
        "acks": "all",
        # Never given up on its own: a batch ends delivered, refused, or purged by us.
        "message.timeout.ms": 0,
        "message.max.bytes": MESSAGE_BYTES,
        "linger.ms": 1,
        # The topics were there when it was made.
        "topic.metadata.propagation.max.ms": 5000,
        "reconnect.backoff.max.ms": 1000,
        "log_level": CLIENT_LOG_LEVEL,
    }
