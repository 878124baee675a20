"""The command line of the consumers."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg

from consumers.program import Program, consumers_named, member_name
from consumers.rebuild import rebuild
from consumers.redrive import UnknownDeadLetter, open_letters, retry_letter
from consumers.registry import CONSUMERS
from consumers.runner import PERMANENT, code_of
from consumers.verify import Finding, verify_log, verify_projection
from stream.config import ConsumersConfig, configured_or_exit, read_consumers_config, read_relay_config
from stream.connections import connect
from stream.logs import configure_logs
from stream.stopping import stop_on_signals
from tms_events.log.base import Fenced
from tms_events.log.positions import Positions

# A rebuild's own lease is only needed until its transaction has locked the rows.
REBUILD_LEASE = timedelta(seconds=60)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 1 failed or found something, 2 wrongly called or configured."""
    options = _parser().parse_args(arguments)
    config = configured_or_exit(read_consumers_config)
    configure_logs(config.log_level, "consumers")
    if options.command in (*CONSUMERS, "all"):
        return _run(options.command, config, with_relay=getattr(options, "relay", False))
    try:
        return _once(options, config)
    except psycopg.OperationalError as problem:
        return _fail(f"The database can't be used: {problem}")


def _once(options: argparse.Namespace, config: ConsumersConfig) -> int:
    if options.command == "rebuild":
        return _rebuild(options.projection, config)
    if options.command == "verify":
        return _verify(options.subject, config)
    if options.action == "retry":
        return _retry(options.id, config)
    return _list_letters(config)


def _run(name: str, config: ConsumersConfig, *, with_relay: bool) -> int:
    stop = threading.Event()
    stop_on_signals(stop)
    program = Program(config, stop)
    program.add_consumers(consumers_named(name))
    if with_relay:
        program.add_relay(configured_or_exit(read_relay_config))
    return program.run()


def _rebuild(name: str, config: ConsumersConfig) -> int:
    consumer = CONSUMERS[name]
    positions = Positions(
        name,
        f"rebuild:{member_name()}",
        consumer.topics,
        lambda: connect(config.database_url, program=f"daybook rebuild {name}", lease=REBUILD_LEASE),
        REBUILD_LEASE,
    )
    try:
        rows = rebuild(consumer, positions)
    except Fenced:
        return _fail(f"Another rebuild of {name} has begun; this one changed nothing.")
    for table, count in rows.items():
        _say(f"{table}: rebuilt, {count} rows")
    return 0


def _verify(subject: str, config: ConsumersConfig) -> int:
    findings: list[Finding] = []
    with _connection(config) as connection:
        if subject in ("log", "all"):
            findings += verify_log(connection)
        for consumer in CONSUMERS.values():
            if subject in (consumer.name, "all"):
                findings += verify_projection(consumer, connection)
    for finding in findings:
        _say(str(finding))
    if not findings:
        _say(f"{subject}: verified")
    return 1 if findings else 0


def _list_letters(config: ConsumersConfig) -> int:
    with _connection(config) as connection:
        for letter in open_letters(connection):
            _say(str(letter))
    return 0


def _retry(letter_id: int, config: ConsumersConfig) -> int:
    with _connection(config) as connection:
        try:
            resolved = retry_letter(letter_id, connection)
        except UnknownDeadLetter as problem:
            return _fail(str(problem))
        except PERMANENT as problem:
            return _fail(f"It fails still ({code_of(problem)}); nothing has changed.")
    _say(f"{resolved} resolved")
    return 0


def _connection(config: ConsumersConfig) -> psycopg.Connection[tuple[Any, ...]]:
    return connect(config.database_url, program="daybook consumers command")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _fail(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m consumers", description="Daybook's consumers of the event log."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in CONSUMERS:
        commands.add_parser(name, help="run this consumer until SIGTERM")
    everything = commands.add_parser("all", help="run all of them in one process")
    everything.add_argument("--relay", action="store_true", help="run the relay in this process too")
    rebuilding = commands.add_parser("rebuild", help="empty a projection's tables and fill them from the log")
    rebuilding.add_argument("projection", choices=list(CONSUMERS))
    verifying = commands.add_parser("verify", help="compare with the log; exit 1 where something differs")
    verifying.add_argument("subject", choices=[*CONSUMERS, "log", "all"])
    letters = commands.add_parser("dead-letters", help="events that could not be taken")
    actions = letters.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="those not resolved yet")
    retrying = actions.add_parser("retry", help="handle one again, with what is parked behind it")
    retrying.add_argument("id", type=int)
    return parser
