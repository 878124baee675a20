"""Kafka as one test has it: its own era on a shared broker, and a relay that publishes when told."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from relay.publisher import Publisher
from relay.session import Session
from stream.wakes import Bell
from tms_events.log.base import LEASE, Place
from tms_events.log.kafka_messages import Mark, UnreadableMessage, place_of, read_mark
from tms_events.log.kafka_source import Source
from tms_events.log.positions import places_of
from tms_testing.log import Log
from tms_testing.waiting import wait_until

PLANT = """
INSERT INTO consumer_position ("group", topic, partition, era, last_seq, kafka_offset, kafka_topic)
SELECT %s, %s, %s, era, 0, %s, %s FROM sequencer
"""


class KafkaFeed:
    """Databases of tests are copies with one era; each test gets another, so that no message of another test counts."""

    def __init__(self, log: Log, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._log = log
        self.change_era()
        self.publisher = self.new_publisher()

    def change_era(self) -> None:
        """As after a restore."""
        self._log.owner.execute("UPDATE sequencer SET era = gen_random_uuid()")

    def new_publisher(self, name: str | None = None) -> Publisher:
        url = self._log.database.relay_url
        return Publisher(
            Session(lambda: psycopg.connect(url, autocommit=True)),
            self.bootstrap,
            Bell(),
            threading.Event(),
            name or secrets.token_hex(4),
        )

    def publish(self) -> int:
        """Publish all that waits; returns how many events that were."""
        published = 0
        while count := self.publisher.step():
            published += count
        return published

    def begin(self, group: str, topics: Sequence[str]) -> None:
        """Leave `group` where it would be had it read all of Kafka until now, and nothing of this database."""
        source, places = Source(self.bootstrap, group, "fixture", topics, LEASE), places_of(topics)
        wait_until(lambda: len(source.heads(places)) == len(places), "every partition is led")
        for place, head in source.heads(places).items():
            self._log.owner.execute(PLANT, (group, *place, head.end, head.topic_id))

    def close(self) -> None:
        self.publisher.close()


def read_all(bootstrap: str, topics: Sequence[str]) -> dict[Place, list[Mark]]:
    """What relays wrote into these topics and Kafka has now, each partition in Kafka's order."""
    source = Source(bootstrap, "reader", "reader", topics, LEASE)
    ends = {place: head.end for place, head in source.heads(places_of(topics)).items()}
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place, end in ends.items() if end])
    found: dict[Place, list[Mark]] = {place: [] for place in ends}
    reached = dict.fromkeys(ends, 0)

    def read_on() -> bool:
        for message in consumer.consume(1000, timeout=0.2):
            place = place_of(message)
            if message.error() is None and place is not None:
                reached[place] = (message.offset() or 0) + 1
                with suppress(UnreadableMessage):
                    found[place].append(read_mark(message))
        return all(reached[place] >= end for place, end in ends.items())

    try:
        wait_until(read_on, "Kafka read to its end", 60)
    finally:
        consumer.close()
    return found
