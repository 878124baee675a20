"""The consumers' process: a thread and a connection per consumer, and the relay beside them where asked."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from consumers.registry import CONSUMERS, Consumer
from consumers.runner import Runner
from relay.program import build_sequencer
from stream.config import ConsumersConfig, RelayConfig
from stream.connections import connect
from stream.stopping import STOP_SECONDS
from stream.wakes import PENDING_CHANNEL, SEQ_CHANNEL, Bell, WakeListener
from tms_events.log.base import EventLog
from tms_events.log.postgres import PostgresLog

log = structlog.get_logger()


def member_name() -> str:
    """Unique for every start, so that a restarted process is never taken for the one before it."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def open_log(config: ConsumersConfig, consumer: Consumer, bell: Bell, member: str | None = None) -> EventLog:
    """The configured engine as a new member of the consumer's group. Connects when it is first asked."""
    return PostgresLog(
        group=consumer.name,
        member=member or member_name(),
        topics=consumer.topics,
        connect=lambda: connect(config.database_url, program=f"daybook {consumer.name}"),
        wake=bell,
    )


class Program:
    """Several parts that live and die together: when one fails all stop, and the process says so by its exit code."""

    def __init__(self, config: ConsumersConfig, stop: threading.Event) -> None:
        self._config = config
        self._stop = stop
        self._failed = threading.Event()
        self._parts: list[threading.Thread] = []
        self._bells: dict[str, list[Bell]] = {SEQ_CHANNEL: []}

    def add_consumers(self, consumers: Sequence[Consumer]) -> None:
        for consumer in consumers:
            bell = Bell()
            self._bells[SEQ_CHANNEL].append(bell)
            runner = Runner(consumer, open_log(self._config, consumer, bell), self._stop)
            self._add(consumer.name, runner.run)

    def add_relay(self, config: RelayConfig) -> None:
        bell = Bell()
        self._bells[PENDING_CHANNEL] = [bell]
        self._add("relay", build_sequencer(config, bell, self._stop).run)

    def run(self) -> int:
        """Run until stopped; returns the exit code."""
        WakeListener(self._config.redis_url, dict(self._bells), self._stop).start()
        for part in self._parts:
            part.start()
        self._stop.wait()
        deadline = time.monotonic() + STOP_SECONDS
        for part in self._parts:
            part.join(max(0.0, deadline - time.monotonic()))
        late = [part.name for part in self._parts if part.is_alive()]
        if late:
            log.error("still busy, leaving it to be done again", code="stop_timeout", parts=late)
        return 1 if late or self._failed.is_set() else 0

    def _add(self, name: str, run: Callable[[], None]) -> None:
        self._parts.append(threading.Thread(target=self._guarded, args=(name, run), name=name, daemon=True))

    def _guarded(self, name: str, run: Callable[[], None]) -> None:
        try:
            run()
        finally:
            error = sys.exc_info()[1]
            if error is not None:
                self._failed.set()
                log.error(
                    "stopped by an error", part=name, code=getattr(error, "code", "error"), exc_info=error
                )
            self._stop.set()


def consumers_named(name: str) -> list[Consumer]:
    """One, or every one for `all`."""
    return list(CONSUMERS.values()) if name == "all" else [CONSUMERS[name]]
