"""The envelope of an event: CloudEvents attributes, with ours as extensions.

Two shapes: `Event` is a fact as a service states it; `StoredEvent` is the same fact as the log gives it back,
with its place in the order.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from tms_events.topics import partition_for
from tms_events.types import EVENT_TYPES, FACT

Payload = dict[str, Any]


class UnknownEventType(ValueError):
    """The type is not in the closed list of tms_events.types."""

    code = "unknown_event_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact about one aggregate. `actor` is a user id, or None where the system itself acted."""

    type: str
    aggregate_id: str
    version: int
    payload: Payload
    actor: int | None
    occurred_at: datetime
    correlation_id: UUID
    causation_id: UUID | None = None
    event_id: UUID = field(default_factory=uuid7)
    schema_version: int = 1

    def __post_init__(self) -> None:
        if self.type not in EVENT_TYPES:
            raise UnknownEventType(f"{self.type!r} is not an event type; add it to tms_events.types first")

    @property
    def aggregate_type(self) -> str:
        return EVENT_TYPES[self.type].aggregate_type

    @property
    def topic(self) -> str:
        return EVENT_TYPES[self.type].topic

    @property
    def partition(self) -> int:
        return partition_for(self.topic, self.aggregate_type, self.aggregate_id)


def standalone_fact(
    event_type: str,
    payload: Payload,
    *,
    actor: int | None,
    occurred_at: datetime,
    correlation_id: UUID,
) -> Event:
    """A fact that has no row to lock: it is its own aggregate, with version 1."""
    if EVENT_TYPES[event_type].aggregate_type != FACT:
        raise ValueError(f"{event_type} belongs to an aggregate; state it with that aggregate's version")
    event_id = uuid7()
    return Event(
        type=event_type,
        aggregate_id=str(event_id),
        version=1,
        payload=payload,
        actor=actor,
        occurred_at=occurred_at,
        correlation_id=correlation_id,
        event_id=event_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as the log gives it: `seq` is its gapless place, `prev_seq` the one before it in its partition."""

    seq: int
    prev_seq: int
    era: UUID
    event_id: UUID
    type: str
    schema_version: int
    aggregate_type: str
    aggregate_id: str
    version: int
    actor: int | None
    occurred_at: datetime
    correlation_id: UUID
    causation_id: UUID | None
    topic: str
    partition: int
    payload: Payload

    def to_json(self) -> str:
        """The CloudEvents form, as it travels on Kafka and to integrators."""
        return json.dumps(
            {
                "specversion": "1.0",
                "id": str(self.event_id),
                "source": "daybook",
                "type": self.type,
                "subject": f"{self.aggregate_type}:{self.aggregate_id}",
                "time": self.occurred_at.astimezone(UTC).isoformat(),
                "dataschema": f"{self.type}.v{self.schema_version}",
                "datacontenttype": "application/json",
                "seq": self.seq,
                "prevseq": self.prev_seq,
                "era": str(self.era),
                "topic": self.topic,
                "partition": self.partition,
                "aggregatetype": self.aggregate_type,
                "aggregateid": self.aggregate_id,
                "aggregateversion": self.version,
                "actor": self.actor,
                "correlationid": str(self.correlation_id),
                "causationid": str(self.causation_id) if self.causation_id else None,
                "data": self.payload,
            },
            ensure_ascii=False,
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> StoredEvent:
        """The inverse of `to_json`; raises KeyError or ValueError on anything else."""
        wire = json.loads(text)
        return cls(
            seq=wire["seq"],
            prev_seq=wire["prevseq"],
            era=UUID(wire["era"]),
            event_id=UUID(wire["id"]),
            type=wire["type"],
            schema_version=int(wire["dataschema"].rsplit(".v", 1)[1]),
            aggregate_type=wire["aggregatetype"],
            aggregate_id=wire["aggregateid"],
            version=wire["aggregateversion"],
            actor=wire["actor"],
            occurred_at=datetime.fromisoformat(wire["time"]),
            correlation_id=UUID(wire["correlationid"]),
            causation_id=UUID(wire["causationid"]) if wire["causationid"] else None,
            topic=wire["topic"],
            partition=wire["partition"],
            payload=wire["data"],
        )

    def as_dict(self) -> dict[str, Any]:
        """All fields by name, for comparing in tests and tools."""
        return asdict(self)
