"""The command line of the relay."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog

from relay.program import Relay
from relay.watermark import PublisherLives, publish_again_from, read_watermark, skip_to_log_end
from stream.config import RelayConfig, configured_or_exit, kafka_bootstrap, read_relay_config
from stream.connections import connect
from stream.logs import configure_logs
from stream.parts import Parts
from stream.stopping import stop_on_signals
from stream.wakes import WakeListener


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrongly called or configured."""
    options = _parser().parse_args(arguments)
    config = configured_or_exit(read_relay_config)
    configure_logs(config.log_level, "relay")
    try:
        if options.republish_from is not None:
            return _republish(options.republish_from, config)
        if options.command == "topics":
            return _make_topics(options.replication)
        if options.command == "switch-log":
            return _switch(options.log, config)
    except psycopg.OperationalError as problem:
        return _fail(f"The database can't be used: {problem}")
    return _run(config)


def _run(config: RelayConfig) -> int:
    stop = threading.Event()
    stop_on_signals(stop)
    relay, parts = Relay(config, stop), Parts(stop)
    relay.add_to(parts)
    WakeListener(config.redis_url, dict(relay.bells), stop).start()
    log = structlog.get_logger()
    log.info("relay started", event_log=config.event_log)
    code = parts.run()
    log.info("relay stopped")
    return code


def _make_topics(replication: int | None) -> int:
    from tms_events.log.kafka_topics import BROKERS_OWN, TopicTrouble, ensure_topics

    bootstrap = configured_or_exit(lambda: kafka_bootstrap(os.environ))
    try:
        made = ensure_topics(bootstrap, replication=BROKERS_OWN if replication is None else replication)
    except TopicTrouble as trouble:
        return _fail(str(trouble))
    _say(f"made: {', '.join(made)}" if made else "all topics are there")
    return 0


def _republish(seq: int, config: RelayConfig) -> int:
    with _connection(config) as connection:
        count = publish_again_from(seq, connection)
    if count:
        _say(
            f"{count} events, from seq {seq} on, are published again by the relay that runs with EVENT_LOG=kafka."
        )
    else:
        _say(f"Nothing to do: the relay has not published seq {seq} yet.")
    return 0


def _switch(log: str, config: RelayConfig) -> int:
    with _connection(config) as connection:
        if log == "kafka":
            return _switch_to_kafka(connection)
        published = read_watermark(connection)
    _say(
        f"Kafka has the events up to seq {published}; PostgreSQL has all, and positions are the same on both.\n"
        "Start relay and consumers with EVENT_LOG=postgres."
    )
    return 0


def _switch_to_kafka(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    if code := _make_topics(None):
        return code
    try:
        published = skip_to_log_end(connection)
    except PublisherLives:
        _say("A relay publishes to Kafka already: nothing was changed.")
        return 0
    _say(
        f"Kafka gets the events after seq {published}; consumers read those before from the database.\n"
        "Start relay and consumers with EVENT_LOG=kafka."
    )
    return 0


def _connection(config: RelayConfig) -> psycopg.Connection[tuple[Any, ...]]:
    return connect(config.database_url, program="daybook relay command")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _fail(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m relay",
        description="Gives committed events their place in the order, and with EVENT_LOG=kafka publishes them, until "
        "SIGTERM. A second one beside it is harmless.",
    )
    parser.add_argument(
        "--republish-from",
        type=int,
        metavar="SEQ",
        help="have the running relay publish SEQ and all after it again, and end; refills a broker that lost its data",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    topics = commands.add_parser("topics", help="make Kafka's topics where they are missing, and end")
    topics.add_argument("--replication", type=int, metavar="N", help="copies of each partition")
    switching = commands.add_parser(
        "switch-log",
        help="prepare this install for the other log, and end; what is running may go on meanwhile",
    )
    switching.add_argument("log", choices=["kafka", "postgres"])
    return parser
