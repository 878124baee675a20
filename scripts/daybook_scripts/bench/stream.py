"""Relay and one consumer on both logs, in events a second, each beside its floor.

The floors: the same rows by one set-based SQL statement, and a plain confluent-kafka producer and consumer that carry
the same messages. Each case gets its events from a database of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer as PlainConsumer
from confluent_kafka import Producer, TopicPartition

from broker.temporary import temporary_broker
from consumers.registry import CONSUMERS
from consumers.runner import Runner
from daybook_scripts.bench.cases import Case, rate, show
from daybook_scripts.progress import step
from relay.publisher import Publisher
from relay.sequencer import sequence_once
from relay.session import Session
from stream.connections import connect
from stream.wakes import Bell
from tms_events.envelope import StoredEvent
from tms_events.log.base import EventLog
from tms_events.log.kafka import KafkaLog
from tms_events.log.kafka_messages import headers_of, key_of, value_of
from tms_events.log.kafka_topics import MESSAGE_BYTES, ensure_topics
from tms_events.log.postgres import PostgresLog
from tms_events.log.tables import COLUMNS, stored_event
from tms_events.outbox import insert_events
from tms_testing.database import MigratedDatabase, copy_of, migrated_database
from tms_testing.stories import TaskStory

BENCH = "stream"
UNIT = "events/s"
EVENTS_PER_TASK = 10
LEASE = timedelta(seconds=30)

# The rows that sequencing leaves, by one statement that takes no lock and keeps no chain.
SEQUENCE_FLOOR = """
INSERT INTO event_order (seq, event, topic, partition, prev_seq)
SELECT row_number() OVER (ORDER BY id), id, topic, partition, 0 FROM event
"""
# The rows that the feed leaves, by one statement.
FEED_FLOOR = """
INSERT INTO activity (event_id, seq, type, actor_id, at, team_id, project_id, task_id, data)
SELECT e.event_id, o.seq, e.type, e.actor, e.occurred_at, (e.payload #>> '{task,team}')::bigint,
       (e.payload #>> '{task,project}')::bigint, (e.payload #>> '{task,id}')::bigint,
       jsonb_build_object('key', e.payload #> '{task,key}', 'title', e.payload #> '{task,title}')
FROM event_order o JOIN event e ON e.id = o.event
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("events", type=int)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    cases = []
    with migrated_database(os.environ["BENCH_DATABASE_URL"]) as template:
        with step(f"write {asked.events:,} events"):
            fill(template, asked.events)
        with temporary_broker() as broker:
            for measure in (postgres_relay, postgres_consumer, kafka_relay, kafka_consumer):
                with step(measure.__name__.replace("_", " ")), copy_of(template) as database:
                    cases.append(measure(database, asked.events, broker.address))
    show(cases, as_json=asked.json)
    return 0


def fill(database: MigratedDatabase, count: int) -> None:
    """Tasks of ten events each, as the services would have written them."""
    with psycopg.connect(database.web_url) as connection:
        for task_id in range(1, count // EVENTS_PER_TASK + 1):
            story = TaskStory(task_id).created().assigned(2)
            while len(story.events) < EVENTS_PER_TASK:
                story.retitled(f"Title {len(story.events)}").commented("Yes. It is on staging after lunch.")
            insert_events(connection.cursor(), story.events[:EVENTS_PER_TASK])


def postgres_relay(database: MigratedDatabase, count: int, _address: str) -> Case:
    with copy_of(database) as other, psycopg.connect(other.owner_url) as owner:
        floor = rate(count, lambda: commit(owner, SEQUENCE_FLOOR))
    value = rate(count, lambda: sequence(database))
    return Case(BENCH, "relay, PostgreSQL log", value, UNIT, floor)


def postgres_consumer(database: MigratedDatabase, count: int, _address: str) -> Case:
    sequence(database)
    with copy_of(database) as other, psycopg.connect(other.owner_url) as owner:
        floor = rate(count, lambda: commit(owner, FEED_FLOOR))
    log = PostgresLog(**member(database), wake=Bell())
    value = rate(count, lambda: consume(log, count))
    return Case(BENCH, "consumer, PostgreSQL log", value, UNIT, floor)


def kafka_relay(database: MigratedDatabase, count: int, address: str) -> Case:
    """From the tables to Kafka, beside a producer that is handed the same messages from memory."""
    sequence(database)
    ensure_topics(address)
    events = stored_events(database)
    floor = rate(count, lambda: produce(address, events))
    with publisher(database, address) as relay:
        value = rate(count, lambda: publish(relay, count))
    return Case(BENCH, "relay to Kafka", value, UNIT, floor)


def kafka_consumer(database: MigratedDatabase, count: int, address: str) -> Case:
    """The feed from Kafka, beside a consumer that only reads as many messages."""
    sequence(database)
    start = {part: high(address, part) for part in range(12)}
    with publisher(database, address) as relay:
        publish(relay, count)
    floor = rate(count, lambda: read(address, start, count))
    log = KafkaLog(**member(database), bootstrap=address)
    value = rate(count, lambda: consume(log, count))
    return Case(BENCH, "consumer, Kafka log", value, UNIT, floor)


def commit(connection: psycopg.Connection[tuple[Any, ...]], statement: str) -> None:
    connection.execute(statement)
    connection.commit()


def sequence(database: MigratedDatabase) -> None:
    with psycopg.connect(database.relay_url, autocommit=True) as connection:
        while sequence_once(connection) is not None:
            pass


def member(database: MigratedDatabase) -> dict[str, Any]:
    feed = CONSUMERS["activity-feed"]
    return {
        "group": feed.name,
        "member": str(uuid4()),
        "topics": ("task-events",),
        "connect": lambda: connect(database.consumers_url, program="bench", lease=LEASE),
        "lease": LEASE,
    }


def consume(log: EventLog, count: int) -> None:
    """Handle `count` events of the feed, as its program does."""
    runner = Runner(CONSUMERS["activity-feed"], log, threading.Event())
    left = count
    while left > 0:
        left -= runner.step(wait=0.2)
    log.close()


@contextmanager
def publisher(database: MigratedDatabase, address: str) -> Iterator[Publisher]:
    session = Session(lambda: connect(database.relay_url, program="bench", lease=LEASE))
    made = Publisher(session, address, Bell(), threading.Event(), str(uuid4()), LEASE)
    try:
        yield made
    finally:
        made.close()


def publish(relay: Publisher, count: int) -> None:
    left = count
    while left > 0:
        left -= relay.step()


def stored_events(database: MigratedDatabase) -> list[StoredEvent]:
    query = (
        f"SELECT {COLUMNS}, s.era FROM event_order o JOIN event e ON e.id = o.event CROSS JOIN sequencer s "
        "ORDER BY o.seq"
    )
    with psycopg.connect(database.relay_url) as connection:
        return [stored_event(row, row[-1]) for row in connection.execute(query).fetchall()]


def produce(address: str, events: list[StoredEvent]) -> None:
    """A plain idempotent producer; the messages' bytes are made within, as the relay makes them."""
    producer = Producer(
        {
            "bootstrap.servers": address,
            "enable.idempotence": True,
            "acks": "all",
            "message.max.bytes": MESSAGE_BYTES,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for event in events:
        producer.produce(
            event.topic,
            key=key_of(event),
            value=value_of(event),
            headers=headers_of(event),
            partition=event.partition,
        )
        producer.poll(0)
    producer.flush()


def plain_consumer(address: str) -> PlainConsumer:
    return PlainConsumer(
        {"bootstrap.servers": address, "group.id": str(uuid4()), "enable.auto.commit": False}
    )


def high(address: str, partition: int) -> int:
    """The offset that the partition's next message gets."""
    consumer = plain_consumer(address)
    _, after = consumer.get_watermark_offsets(TopicPartition("task-events", partition), timeout=20)
    consumer.close()
    return int(after)


def read(address: str, start: dict[int, int], count: int) -> None:
    consumer = plain_consumer(address)
    consumer.assign([TopicPartition("task-events", part, offset) for part, offset in start.items()])
    left = count
    while left > 0:
        left -= len(consumer.consume(1000, timeout=5))
    consumer.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
