"""The command line of the consumers."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence

from consumers.program import Program, consumers_named
from consumers.registry import CONSUMERS
from stream.config import configured_or_exit, read_consumers_config, read_relay_config
from stream.logs import configure_logs
from stream.stopping import stop_on_signals


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 1 failed or found something, 2 wrongly configured."""
    options = _parser().parse_args(arguments)
    if options.relay and options.command != "all":
        _parser().error("--relay goes with `all`")
    return run_consumers(options.command, with_relay=options.relay)


def run_consumers(name: str, *, with_relay: bool) -> int:
    """Run one consumer or all of them until SIGTERM."""
    config = configured_or_exit(read_consumers_config)
    configure_logs(config.log_level, "consumers")
    stop = threading.Event()
    stop_on_signals(stop)
    program = Program(config, stop)
    program.add_consumers(consumers_named(name))
    if with_relay:
        program.add_relay(configured_or_exit(read_relay_config))
    return program.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m consumers", description="Daybook's consumers of the event log."
    )
    parser.add_argument(
        "command", choices=[*CONSUMERS, "all"], help="which consumer to run; all: in one process"
    )
    parser.add_argument("--relay", action="store_true", help="run the relay in this process too (with `all`)")
    return parser
