"""The consumers' process: a thread and a connection per consumer, and the relay beside them where asked."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Sequence

from consumers.registry import CONSUMERS, Consumer
from consumers.runner import Runner
from relay.program import Relay
from stream.config import ConsumersConfig, RelayConfig
from stream.connections import connect
from stream.parts import Parts
from stream.wakes import SEQ_CHANNEL, Bell, WakeListener
from tms_events.log.base import EventLog
from tms_events.log.postgres import PostgresLog


def member_name() -> str:
    """Unique for every start, so that a restarted process is never taken for the one before it."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def open_log(config: ConsumersConfig, consumer: Consumer, bell: Bell, member: str | None = None) -> EventLog:
    """The configured engine as a new member of the consumer's group. Connects when it is first asked."""
    member = member or member_name()
    if config.event_log == "kafka":
        return _open_kafka_log(config, consumer, member)
    return PostgresLog(
        group=consumer.name,
        member=member,
        topics=consumer.topics,
        connect=lambda: connect(config.database_url, program=f"daybook {consumer.name}"),
        wake=bell,
    )


def _open_kafka_log(config: ConsumersConfig, consumer: Consumer, member: str) -> EventLog:
    from tms_events.log.kafka import KafkaLog  # loads Kafka's client, which the PostgreSQL log does without

    return KafkaLog(
        group=consumer.name,
        member=member,
        topics=consumer.topics,
        connect=lambda: connect(config.database_url, program=f"daybook {consumer.name}"),
        bootstrap=config.kafka_bootstrap,
    )


class Program:
    """Consumers, and the relay where asked, as the parts of one process."""

    def __init__(self, config: ConsumersConfig, stop: threading.Event) -> None:
        self._config = config
        self._stop = stop
        self._parts = Parts(stop)
        self._bells: dict[str, list[Bell]] = {SEQ_CHANNEL: []}

    def add_consumers(self, consumers: Sequence[Consumer]) -> None:
        for consumer in consumers:
            bell = Bell()
            self._bells[SEQ_CHANNEL].append(bell)
            runner = Runner(consumer, open_log(self._config, consumer, bell), self._stop)
            self._parts.add(consumer.name, runner.run)

    def add_relay(self, config: RelayConfig) -> None:
        relay = Relay(config, self._stop)
        relay.add_to(self._parts)
        for channel, bells in relay.bells.items():
            self._bells.setdefault(channel, []).extend(bells)

    def run(self) -> int:
        """Run until stopped; returns the exit code."""
        WakeListener(self._config.redis_url, dict(self._bells), self._stop).start()
        return self._parts.run()


def consumers_named(name: str) -> list[Consumer]:
    """One, or every one for `all`."""
    return list(CONSUMERS.values()) if name == "all" else [CONSUMERS[name]]
