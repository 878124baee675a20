"""Tells stories to the log: events made from the examples, written as Django's services write them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from relay.sequencer import sequence_once
from tms_events.envelope import Event, Payload
from tms_events.outbox import insert_events
from tms_events.schemas import EXAMPLE_FOLDER
from tms_events.types import EVENT_TYPES, FACT

ALICE, BOB, CAROL = 1, 2, 3
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

TODO = {"id": 3, "name": "To do", "category": "todo"}
DOING = {"id": 4, "name": "In progress", "category": "in_progress"}


def examples() -> list[tuple[str, str]]:
    """(type, name) of every golden example."""
    return sorted((path.parent.name, path.stem) for path in EXAMPLE_FOLDER.glob("*/*.json"))


def example(event_type: str, name: str) -> Payload:
    """The payload of a golden example."""
    payload: Payload = json.loads((EXAMPLE_FOLDER / event_type / f"{name}.json").read_text(encoding="utf-8"))
    return payload


class TaskStory:
    """One task's life: each method states a fact with the next version, a minute after the one before."""

    def __init__(self, task_id: int, *, actor: int = ALICE) -> None:
        self.actor = actor
        self.events: list[Event] = []
        self.state = copy.deepcopy(example("task.created", "project")["task"]) | {
            "id": task_id,
            "number": task_id,
            "key": f"OPS-{task_id}",
            "version": 0,
        }

    def created(self) -> TaskStory:
        return self._tell("task.created", description="What done looks like")

    def status_changed(self, to: dict[str, Any] = DOING) -> TaskStory:
        before, self.state["status"] = self.state["status"], to
        return self._tell("task.status_changed", **{"from": before, "to": to})

    def assigned(self, user: int) -> TaskStory:
        self.state["assignees"] = sorted({*self.state["assignees"], user})
        return self._tell("task.assigned", user=user, role="owner")

    def unassigned(self, user: int) -> TaskStory:
        self.state["assignees"] = [person for person in self.state["assignees"] if person != user]
        return self._tell("task.unassigned", user=user)

    def retitled(self, title: str) -> TaskStory:
        before, self.state["title"] = self.state["title"], title
        return self._tell("task.updated", changes={"title": {"from": before, "to": title}})

    def commented(self, body: str) -> TaskStory:
        comment = {"id": 5, "author": self.actor, "body": body, "created_at": START.isoformat()}
        return self._tell("comment.added", comment=comment)

    def time_of(self, version: int) -> datetime:
        return START + timedelta(minutes=version)

    def _tell(self, event_type: str, **facts: Any) -> TaskStory:
        version = self.state["version"] = self.state["version"] + 1
        state = copy.deepcopy(self.state)
        audience = {"creator": ALICE, "assignees": state["assignees"], "watchers": [], "mentioned": []}
        self.events.append(
            Event(
                type=event_type,
                aggregate_id=str(state["id"]),
                version=version,
                payload={"task": state, "audience": audience, **facts},
                actor=self.actor,
                occurred_at=self.time_of(version),
                correlation_id=uuid4(),
            )
        )
        return self


def event_of_example(event_type: str, name: str, version: int) -> Event:
    """An event with a golden example's payload; `version` is the aggregate's, which a fact of its own doesn't have."""
    event_id = uuid4()
    payload = example(event_type, name)
    of_its_own = EVENT_TYPES[event_type].aggregate_type == FACT
    return Event(
        type=event_type,
        aggregate_id=str(event_id) if of_its_own else "7",
        version=1 if of_its_own else version,
        payload=payload,
        actor=ALICE,
        occurred_at=START,
        correlation_id=uuid4(),
        event_id=event_id,
    )


def write(url: str, events: Sequence[Event]) -> None:
    """Commit `events` as the program of `url` (the web's, as a rule)."""
    with psycopg.connect(url) as connection:
        insert_events(connection.cursor(), events)


def sequence_all(relay_url: str) -> None:
    """Give every pending event its seq."""
    with psycopg.connect(relay_url, autocommit=True) as connection:
        while sequence_once(connection) is not None:
            pass


def write_unchecked(url: str, event: Event, *, event_type: str | None = None, payload: object = None) -> UUID:
    """Write `event` past the outbox's checks, as a newer or a broken program would. Returns its event_id."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            WITH stored AS (
                INSERT INTO event (event_id, aggregate_type, aggregate_id, version, type, schema_version, actor,
                                   occurred_at, correlation_id, topic, partition, payload, digest)
                VALUES (%s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s, %s::jsonb,
                        sha256(convert_to((%s::jsonb)::text, 'UTF8')))
                RETURNING id
            )
            INSERT INTO event_pending (event) SELECT id FROM stored
            """,
            (
                event.event_id,
                event.aggregate_type,
                event.aggregate_id,
                event.version,
                event_type or event.type,
                event.actor,
                event.occurred_at,
                event.correlation_id,
                event.topic,
                event.partition,
                *[json.dumps(event.payload if payload is None else payload)] * 2,
            ),
        )
    return event.event_id
