"""Every event type has a schema and examples; a payload of another shape gets into no log."""

from __future__ import annotations

import copy
from dataclasses import replace

import psycopg
import pytest

from tms_events.envelope import Event, StoredEvent, UnknownEventType
from tms_events.outbox import insert_events
from tms_events.schemas import SCHEMA_FOLDER, InvalidEvent, UnknownSchema, validate
from tms_events.types import EVENT_TYPES
from tms_testing.stories import TaskStory, event_of_example, example, examples


def test_every_type_has_a_schema_and_an_example_and_nothing_else_has():
    schemas = {path.name for path in SCHEMA_FOLDER.glob("*.json")} - {"common.v1.json"}
    assert schemas == {f"{name}.v{spec.schema_version}.json" for name, spec in EVENT_TYPES.items()}
    assert {event_type for event_type, _ in examples()} == set(EVENT_TYPES)


@pytest.mark.parametrize(("event_type", "name"), examples())
def test_every_example_fits_its_schema(event_type, name):
    validate(event_type, 1, example(event_type, name))


def places(value, path=()):
    """Every object inside a payload, by its path."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from places(inner, (*path, key))


def at(payload, path):
    for key in path:
        payload = payload[key]
    return payload


@pytest.mark.parametrize(("event_type", "name"), examples())
def test_a_missing_or_an_extra_field_is_refused_wherever_it_is(event_type, name):
    payload = example(event_type, name)
    for path in places(payload):
        if "changes" in path:
            continue  # its keys are the task's fields, its values anything
        for key in at(payload, path):
            without = copy.deepcopy(payload)
            del at(without, path)[key]
            with pytest.raises(InvalidEvent):
                validate(event_type, 1, without)
    for path in places(payload):
        if path and path[-1] == "changes":
            continue
        with_more = copy.deepcopy(payload)
        at(with_more, path)["surprise"] = 1
        with pytest.raises(InvalidEvent):
            validate(event_type, 1, with_more)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("task", "id"), "7"),
        (("task", "id"), 0),
        (("task", "id"), 7.5),
        (("task", "title"), ""),
        (("task", "title"), "x" * 201),
        (("task", "priority"), "highest"),
        (("task", "status", "category"), "review"),
        (("task", "estimated_hours"), 2.5),
        (("task", "estimated_hours"), "2.555"),
        (("task", "due_date"), "26.11.2026"),
        (("task", "due_at"), "2026-11-26T23:00:00+01:00"),
        (("task", "created_at"), None),
        (("task", "assignees"), [2, 2]),
        (("audience", "watchers"), None),
        (("description",), None),
    ],
)
def test_a_created_task_of_another_shape_is_refused(path, value):
    payload = example("task.created", "project")
    at(payload, path[:-1])[path[-1]] = value
    with pytest.raises(InvalidEvent):
        validate("task.created", 1, payload)


def test_a_version_that_was_never_released_is_refused():
    with pytest.raises(UnknownSchema):
        validate("task.created", 2, example("task.created", "project"))


def test_a_type_outside_the_list_can_not_be_stated():
    event = TaskStory(1).created().events[0]
    with pytest.raises(UnknownEventType):
        replace(event, type="task.exploded")


def test_the_outbox_writes_nothing_when_one_event_of_several_is_invalid(log):
    good, bad = TaskStory(1).created().retitled("b").events
    with psycopg.connect(log.database.web_url) as connection, pytest.raises(InvalidEvent):
        insert_events(connection.cursor(), [good, replace(bad, payload={})])
    assert log.value("SELECT count(*) FROM event") == 0


def test_one_version_of_an_aggregate_can_not_be_stated_twice(log):
    event = TaskStory(1).created().events[0]
    log.tell(event)
    with pytest.raises(psycopg.errors.UniqueViolation):
        log.tell(*TaskStory(1).created().events)
    assert log.value("SELECT count(*) FROM event") == 1


@pytest.mark.parametrize(("event_type", "name"), examples())
def test_the_wire_form_gives_the_event_back(event_type, name):
    event: Event = event_of_example(event_type, name, 3)
    stored = StoredEvent(
        seq=12,
        prev_seq=9,
        era=event.correlation_id,
        event_id=event.event_id,
        type=event.type,
        schema_version=1,
        aggregate_type=event.aggregate_type,
        aggregate_id=event.aggregate_id,
        version=event.version,
        actor=event.actor,
        occurred_at=event.occurred_at,
        correlation_id=event.correlation_id,
        causation_id=None,
        topic=event.topic,
        partition=event.partition,
        payload=event.payload,
    )
    assert StoredEvent.from_json(stored.to_json()) == stored
