"""A wrong environment stops a program at once, with a sentence that says how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.config import read_consumers_config, read_relay_config
from tms_events.environment import ConfigurationError

GOOD = {
    "RELAY_DATABASE_URL": "postgres://relay:x@db/daybook",
    "CONSUMERS_DATABASE_URL": "postgres://consumers:y@db/daybook",
    "REDIS_URL": "redis://redis:6379/0",
}


def test_the_defaults_are_the_postgres_log_and_level_info():
    config = read_consumers_config(GOOD)
    assert (config.event_log, config.log_level) == ("postgres", "INFO")
    assert config.database_url == GOOD["CONSUMERS_DATABASE_URL"]
    assert read_relay_config(GOOD).database_url == GOOD["RELAY_DATABASE_URL"]


def test_kafka_is_chosen_with_the_address_of_its_brokers():
    kafka = GOOD | {"EVENT_LOG": "kafka", "KAFKA_BOOTSTRAP": "a:9092,b:9092"}
    config = read_relay_config(kafka)
    assert (config.event_log, config.kafka_bootstrap) == ("kafka", "a:9092,b:9092")
    assert read_consumers_config(GOOD | {"KAFKA_BOOTSTRAP": "a:9092"}).kafka_bootstrap == ""


def test_on_the_postgres_log_nothing_of_kafka_is_loaded():
    """The client starts threads and takes memory; and a small install need not have it."""
    kafka = Path(__file__).resolve().parents[1]
    program = "import sys, consumers.commands, relay.commands; print('confluent_kafka' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=kafka,
        env={"PYTHONPATH": str(kafka)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_a_value_may_stand_in_a_file(tmp_path):
    secret = tmp_path / "url"
    secret.write_text("postgres://from:file@db/daybook\n", encoding="utf-8")
    source = {"REDIS_URL": GOOD["REDIS_URL"], "CONSUMERS_DATABASE_URL_FILE": str(secret)}
    assert read_consumers_config(source).database_url == "postgres://from:file@db/daybook"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"CONSUMERS_DATABASE_URL": ""}, "CONSUMERS_DATABASE_URL is not set. Set CONSUMERS_DATABASE_URL or"),
        ({"CONSUMERS_DATABASE_URL": "mysql://db/x"}, "must be a URL that starts with postgres://"),
        ({"REDIS_URL": ""}, "REDIS_URL is not set"),
        ({"REDIS_URL": "localhost:6379"}, "must be a URL that starts with redis://"),
        ({"EVENT_LOG": "rabbit"}, "EVENT_LOG is 'rabbit'. Use one of: postgres, kafka."),
        ({"EVENT_LOG": "kafka"}, "KAFKA_BOOTSTRAP is not set. Set it to the broker's address"),
        (
            {"EVENT_LOG": "kafka", "KAFKA_BOOTSTRAP": "broker"},
            "KAFKA_BOOTSTRAP has 'broker'. Write host:port",
        ),
        (
            {"EVENT_LOG": "kafka", "KAFKA_BOOTSTRAP": "a:9092, kafka://b:9092"},
            "KAFKA_BOOTSTRAP has 'kafka://b:9092'",
        ),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD'. Use one of:"),
        ({"REDIS_URL_FILE": "x"}, "Both REDIS_URL and REDIS_URL_FILE are set. Remove one of them."),
        (
            {"REDIS_URL": "", "REDIS_URL_FILE": "absent"},
            "can't be read (No such file or directory). Correct the path",
        ),
    ],
)
def test_nonsense_is_refused_with_a_sentence(change, sentence):
    with pytest.raises(ConfigurationError) as refused:
        read_consumers_config(GOOD | change)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("program", [["relay"], ["consumers", "all"], ["consumers", "verify", "log"]])
def test_a_program_without_its_database_exits_2_with_one_line(program):
    kafka = Path(__file__).resolve().parents[1]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(kafka),
        "REDIS_URL": GOOD["REDIS_URL"],
    }
    done = subprocess.run(
        [sys.executable, "-m", *program],
        cwd=kafka,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "_DATABASE_URL is not set" in done.stderr
