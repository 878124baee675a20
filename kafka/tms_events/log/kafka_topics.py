"""The topics of topics.toml on a broker: made once, never compacted, and as large messages as an event can be."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tms_events.topics import partitions_by_topic

# Whether it is there at all, and then for what it has to do.
ANSWER_SECONDS = 5.0
REQUEST_SECONDS = 15.0
VISIBLE_SECONDS = 20.0
BROKERS_OWN = -1  # as many copies as the broker makes where nobody says a number
DAY_MS = 24 * 60 * 60 * 1000

# An edit of a long description carries it twice, 100,000 characters each, and JSON may take 12 bytes for one of them.
# Kafka's own limit is 1 MiB: the first such event would stop the stream. The producer's message.max.bytes is
# as large.
MESSAGE_BYTES = 8 * 1024 * 1024

# The database's event log keeps everything, so a topic need not; and never compacted: that would leave holes.
# The age that counts is since Kafka got it: events published again after a loss are old, and would be gone at once.
SETTINGS = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * DAY_MS),
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(MESSAGE_BYTES),
}


class TopicTrouble(RuntimeError):
    """What is wrong with topics or broker, and how to mend it. `code` is stable."""

    def __init__(self, code: str, wrong: str, mend: str) -> None:
        super().__init__(f"{wrong}\n  To mend it: {mend}  [{code}]")
        self.code = code


def ensure_topics(bootstrap: str, *, replication: int = BROKERS_OWN) -> list[str]:
    """Makes the missing topics with their partitions and SETTINGS, sets settings that differ; answers what it made.

    Raises TopicTrouble: `topic_partitions` where a topic has another number of partitions, `broker_unreachable`.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        wanted = partitions_by_topic()
        existing = _existing(admin, ANSWER_SECONDS)
        missing = {name: count for name, count in wanted.items() if name not in existing}
        made = _create(admin, missing, replication)
        _wait_until_led(admin, list(wanted))
        _refuse_other_partitions(admin, wanted)
        _mend_settings(admin, list(wanted))
    except KafkaException as problem:
        raise _unreachable(bootstrap, problem) from problem
    return made


def _unreachable(bootstrap: str, problem: KafkaException) -> TopicTrouble:
    return TopicTrouble(
        "broker_unreachable",
        f"The broker at {bootstrap} did not do what it was asked: {problem.args[0].str()}.",
        "see whether it runs and whether this is its address (scripts/broker status).",
    )


def _existing(admin: AdminClient, seconds: float = REQUEST_SECONDS) -> dict[str, int]:
    """Topic to its number of partitions."""
    found = admin.list_topics(timeout=seconds).topics
    return {name: len(topic.partitions) for name, topic in found.items()}


def _create(admin: AdminClient, missing: dict[str, int], replication: int) -> list[str]:
    if not missing:
        return []
    topics = [NewTopic(name, count, replication, config=SETTINGS) for name, count in missing.items()]
    made = []
    for name, result in admin.create_topics(topics, request_timeout=REQUEST_SECONDS).items():
        try:
            result.result()
        except KafkaException as problem:
            # Somebody made it meanwhile; whether they made it right is looked at next.
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            made.append(name)
    return made


def _wait_until_led(admin: AdminClient, names: list[str]) -> None:
    """A topic is made at the controller first; a producer that comes at once would be told it does not exist."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while not _all_led(admin, names):
        if time.monotonic() > deadline:
            raise TopicTrouble(
                "topics_not_led",
                f"The topics were made, but not all their partitions have a leader after {VISIBLE_SECONDS:.0f} s.",
                "see the broker's log; a broker that just came back may need longer: try again.",
            )
        time.sleep(0.1)


def _all_led(admin: AdminClient, names: list[str]) -> bool:
    found = admin.list_topics(timeout=REQUEST_SECONDS).topics
    return all(
        name in found
        and found[name].error is None
        and all(p.leader >= 0 for p in found[name].partitions.values())
        for name in names
    )


def _refuse_other_partitions(admin: AdminClient, wanted: dict[str, int]) -> None:
    found = _existing(admin)
    for name, count in wanted.items():
        if found[name] != count:
            raise TopicTrouble(
                "topic_partitions",
                f"Topic {name} has {found[name]} partitions on the broker, and topics.toml says {count}: "
                f"events of one thing would not stay in one partition, and so not in order.",
                "if its messages need not stay, delete the topic and run this again, then publish again from the "
                "database; never add partitions to it, and never change topics.toml after the first use.",
            )


def _mend_settings(admin: AdminClient, names: list[str]) -> None:
    """Sets SETTINGS where a topic has others, and waits until the broker, which hears of it later, goes by them."""
    if not (changes := _changes(admin, names)):
        return
    for result in admin.incremental_alter_configs(changes, request_timeout=REQUEST_SECONDS).values():
        result.result()
    deadline = time.monotonic() + VISIBLE_SECONDS
    while _changes(admin, names):
        if time.monotonic() > deadline:
            raise TopicTrouble(
                "topic_settings",
                f"The broker does not go by the topics' new settings after {VISIBLE_SECONDS:.0f} s.",
                "see the broker's log, and try again.",
            )
        time.sleep(0.1)


def _changes(admin: AdminClient, names: list[str]) -> list[ConfigResource]:
    """What to set so that every topic has SETTINGS; empty where all have."""
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    changes = []
    for resource, result in admin.describe_configs(resources, request_timeout=REQUEST_SECONDS).items():
        current = result.result()
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in SETTINGS.items()
            if current[name].value != value
        ]
        if entries:
            changes.append(ConfigResource(ResourceType.TOPIC, resource.name, incremental_configs=entries))
    return changes
