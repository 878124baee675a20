"""An event as a message of Kafka: its place in the order stands in the headers, so that a repeat costs no parsing."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from confluent_kafka import Message

from tms_events.envelope import StoredEvent
from tms_events.log.base import Place
from tms_events.topics import partition_key


class UnreadableMessage(ValueError):
    """A message that no relay of ours wrote; the database has the event, if there is one."""

    code = "unreadable_message"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a message's event stands in the order."""

    seq: int
    prev_seq: int
    era: UUID


def key_of(event: StoredEvent) -> bytes:
    return partition_key(event.aggregate_type, event.aggregate_id).encode()


def value_of(event: StoredEvent) -> bytes:
    return event.to_json().encode()


def headers_of(event: StoredEvent) -> list[tuple[str, str | bytes | None]]:
    return [
        ("event_id", str(event.event_id)),
        ("seq", str(event.seq)),
        ("prev_seq", str(event.prev_seq)),
        ("era", str(event.era)),
        ("type", event.type),
        ("schema_version", str(event.schema_version)),
    ]


def place_of(message: Message) -> Place | None:
    """None for an error that is not about one partition."""
    topic, partition = message.topic(), message.partition()
    return (topic, partition) if topic is not None and partition is not None and partition >= 0 else None


def read_mark(message: Message) -> Mark:
    """Raises UnreadableMessage."""
    found = {name: text_of(value) for name, value in dict(message.headers() or ()).items()}
    try:
        return Mark(int(found["seq"]), int(found["prev_seq"]), UUID(found["era"]))
    except (LookupError, ValueError, RecursionError) as problem:
        raise UnreadableMessage("headers") from problem


def text_of(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def read_event(message: Message, place: Place, mark: Mark) -> StoredEvent:
    """Raises UnreadableMessage, also where the message is not what its headers say."""
    try:
        event = StoredEvent.from_json(message.value() or b"")
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as problem:
        raise UnreadableMessage("value") from problem
    if (event.topic, event.partition) != place or Mark(event.seq, event.prev_seq, event.era) != mark:
        raise UnreadableMessage("headers and value differ")
    return event
