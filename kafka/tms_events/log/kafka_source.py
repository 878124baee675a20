"""One member's side of Kafka: what the group assigned to it, and the messages of the partitions it streams.

Kafka's assignment says who may try to read a partition. Offsets are given to it, never asked of it: it commits none and
remembers none.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from tms_events.log.base import Place
from tms_events.log.kafka_messages import place_of

# A batch may last so many leases before the group goes on without its member.
PATIENCE = 5
# New topics are seen after so long, and topics that were made again.
METADATA_MS = 5000
# A fetch that waits for news keeps a partition that is added from being fetched.
FETCH_WAIT_MS = 100
REQUEST_SECONDS = 3.0
QUEUED_KBYTES = 16_384
# Critical alone: the client writes a line for each of ten refused connections a second; we say once that Kafka is away.
CLIENT_LOG_LEVEL = 2
NOT_YET = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.OFFSET_NOT_AVAILABLE,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a partition ends: the offset its next message gets, in the topic of that id."""

    topic_id: str
    end: int


class Source:
    """Connects when it is first read. Not for several threads, and not over a fork."""

    def __init__(
        self, bootstrap: str, group: str, member: str, topics: Sequence[str], lease: timedelta
    ) -> None:
        self._topics = list(topics)
        self._settings = consumer_settings(bootstrap, group, member, lease)
        self._consumer: Consumer | None = None
        self._admin: AdminClient | None = None
        self._away = False
        self.owned: set[Place] = set()
        self.streaming: set[Place] = set()
        self.changed = False

    def read(self, limit: int, wait: float) -> tuple[list[Message], set[Place]]:
        """Messages, and the partitions that can't be read where they were to be. Raises KafkaException.

        Assignments change in here.
        """
        consumer = self._connected()
        first = consumer.poll(wait)
        if first is None:
            return [], set()
        messages = [first, *consumer.consume(limit, timeout=0)]
        broken = {place for message in messages if (place := self._broken(message)) is not None}
        return [message for message in messages if message.error() is None], broken

    def _broken(self, message: Message) -> Place | None:
        error = message.error()
        if error is None:
            self._away = False
            return None
        place = place_of(message)
        log.warning("kafka: %s (%s, code kafka_trouble)", error.name(), place or "this member")
        return place if place in self.streaming else None

    def stream(self, offsets: Mapping[Place, int]) -> None:
        """Have these partitions sent from these offsets on. Raises KafkaException."""
        if offsets:
            partitions = [TopicPartition(*place, offset) for place, offset in offsets.items()]
            self._connected().incremental_assign(partitions)
            self.streaming.update(offsets)

    def halt(self, places: Collection[Place]) -> None:
        """Have these partitions sent no longer. Raises KafkaException."""
        ours = self.streaming.intersection(places)
        if ours:
            self._connected().incremental_unassign([TopicPartition(*place) for place in ours])
            self.streaming -= ours

    def heads(self, places: Collection[Place]) -> dict[Place, Head]:
        """Where these partitions end now, without those that are not there or not led yet. Raises KafkaException."""
        ids = self._topic_ids({topic for topic, _ in places})
        wanted = {TopicPartition(*place): OffsetSpec.latest() for place in places if place[0] in ids}
        if not wanted:
            return {}
        found = self._asked().list_offsets(wanted, request_timeout=REQUEST_SECONDS)
        heads = {}
        for partition, future in found.items():
            if (offset := offset_of(future)) is not None:
                heads[partition.topic, partition.partition] = Head(ids[partition.topic], offset)
        return heads

    def _topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        futures = self._asked().describe_topics(
            TopicCollection(sorted(topics)), request_timeout=REQUEST_SECONDS
        )
        ids = {}
        for topic, future in futures.items():
            try:
                ids[topic] = str(future.result().topic_id)
            except KafkaException as problem:
                if problem.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        return ids

    def close(self) -> None:
        """Leave the group; the next read joins it again."""
        consumer, self._consumer = self._consumer, None
        self.owned.clear()
        self.streaming.clear()
        self.changed = True
        if consumer is not None:
            consumer.close()

    def _connected(self) -> Consumer:
        if self._consumer is None:
            consumer = Consumer(self._settings | {"error_cb": self._on_error}, logger=log)
            consumer.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
            self._consumer = consumer
        return self._consumer

    def _asked(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient(
                {"bootstrap.servers": self._settings["bootstrap.servers"], "log_level": 0}
            )
        return self._admin

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Nothing is read yet: where from is known once the lease is taken."""
        self.owned.update((partition.topic, partition.partition) for partition in partitions)
        self.changed = True
        consumer.incremental_assign([])

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(partition.topic, partition.partition) for partition in partitions}
        stopped = self.streaming & gone
        self.owned -= gone
        self.streaming -= gone
        self.changed = True
        consumer.incremental_unassign([TopicPartition(*place) for place in stopped])

    def _on_error(self, error: KafkaError) -> None:
        """Of the connection as a whole. It is tried again by itself, so once is enough to say it."""
        if not self._away:
            log.warning("kafka is away: %s (code kafka_away)", error.str())
        self._away = True


def offset_of(future: Future[ListOffsetsResultInfo]) -> int | None:
    """None where it is worth asking again: a topic that was just made, a leader that moves."""
    try:
        return int(future.result().offset)
    except KafkaException as problem:
        if not (problem.args[0].retriable() or problem.args[0].code() in NOT_YET):
            raise
        return None


def consumer_settings(
    bootstrap: str, group: str, member: str, lease: timedelta
) -> dict[str, str | int | bool]:
    """A member that says nothing for a lease loses its partitions in Kafka as it does in the database."""
    session = round(lease.total_seconds() * 1000)
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "client.id": member,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": session,
        "heartbeat.interval.ms": session // 6,
        "max.poll.interval.ms": session * PATIENCE,
        "topic.metadata.refresh.interval.ms": METADATA_MS,
        "fetch.wait.max.ms": FETCH_WAIT_MS,
        "fetch.error.backoff.ms": 100,
        "queued.max.messages.kbytes": QUEUED_KBYTES,
        "reconnect.backoff.max.ms": 1000,
        "log_level": CLIENT_LOG_LEVEL,
    }
