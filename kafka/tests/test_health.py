"""What compose asks relay and consumers: whether an event waits that should not, and whether anybody reads."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from consumers import health as of_consumers
from consumers.program import open_log
from consumers.registry import CONSUMERS
from consumers.runner import Runner
from relay import health as of_relay
from stream.config import ConsumersConfig, RelayConfig
from stream.wakes import Bell
from tms_testing.log import Log
from tms_testing.stories import TaskStory, sequence_all, write

pytestmark = pytest.mark.pg18


def story_of(age: timedelta):
    (event,) = TaskStory(7).created().events
    return replace(event, occurred_at=datetime.now(UTC) - age)


OLD, NEW = timedelta(minutes=5), timedelta(seconds=1)


def relay_of(log: Log, event_log: str = "postgres") -> RelayConfig:
    return RelayConfig(log.database.relay_url, "redis://unused", event_log, "INFO", "unused:9092")


def consumers_of(log: Log) -> ConsumersConfig:
    return ConsumersConfig(log.database.consumers_url, "redis://unused", "postgres", "INFO", "")


def test_the_relay_is_well_while_nothing_waits_or_waits_for_long(log):
    assert of_relay.examine(relay_of(log)) == []
    write(log.database.web_url, [story_of(NEW)])
    assert of_relay.examine(relay_of(log)) == []


def test_the_relay_is_unwell_while_an_event_waits_for_its_place(log):
    write(log.database.web_url, [story_of(OLD)])
    assert of_relay.examine(relay_of(log)) == ["An event has waited for its seq for more than 30 s."]
    sequence_all(log.database.relay_url)
    assert of_relay.examine(relay_of(log)) == []


def test_with_kafka_it_is_unwell_while_nobody_publishes_or_an_event_waits(log):
    write(log.database.web_url, [story_of(OLD)])
    sequence_all(log.database.relay_url)
    kafka = relay_of(log, "kafka")
    waits = "An event has waited for Kafka for more than 30 s."
    assert of_relay.examine(kafka) == ["No relay publishes to Kafka.", waits]
    log.owner.execute(
        "UPDATE event_published SET lease_owner = 'x', lease_until = now() + interval '1 minute'"
    )
    assert of_relay.examine(kafka) == [waits]
    log.owner.execute("UPDATE event_published SET seq = 1")
    assert of_relay.examine(kafka) == []


def test_a_consumer_that_nobody_runs_is_named(log):
    found = of_consumers.examine(consumers_of(log), list(CONSUMERS))
    assert found == [f"Nobody reads for {name}." for name in CONSUMERS]


def test_a_consumer_is_well_once_it_has_read_and_unwell_when_an_event_is_left(log):
    name = "activity-feed"
    consumer = CONSUMERS[name]
    runner = Runner(consumer, open_log(consumers_of(log), consumer, Bell(), "test"), threading.Event())
    log.tell(story_of(OLD))
    while runner.step(0.0):
        continue
    assert of_consumers.examine(consumers_of(log), [name]) == []
    write(log.database.web_url, [replace(story_of(OLD), version=2, event_id=uuid4())])
    sequence_all(log.database.relay_url)
    assert of_consumers.examine(consumers_of(log), [name]) == [
        f"{name} has left an event for more than 60 s."
    ]


def test_a_database_that_is_away_is_no_health(log):
    config = replace(relay_of(log), database_url="postgres://relay:secret@127.0.0.1:1/daybook")
    (said,) = of_relay.examine(config)
    assert "can't be asked" in said and "secret" not in said


def test_an_unknown_consumer_is_a_wrong_call(capsys):
    assert of_consumers.main(["nonsense"]) == 2
    assert "There is no consumer nonsense" in capsys.readouterr().err
