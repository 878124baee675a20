"""What relay and consumers read from their environment, once, typed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tms_events.environment import POSTGRES, REDIS, ConfigurationError, Environment

EXIT_CONFIGURATION = 2

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """What the relay needs. With the `event_log` `postgres`, sequencing is all there is to do."""

    database_url: str
    redis_url: str
    event_log: str
    log_level: str
    kafka_bootstrap: str


@dataclass(frozen=True, slots=True)
class ConsumersConfig:
    """What the consumers need."""

    database_url: str
    redis_url: str
    event_log: str
    log_level: str
    kafka_bootstrap: str


def read_relay_config(source: Mapping[str, str] | None = None) -> RelayConfig:
    """Raises ConfigurationError."""
    return RelayConfig(*_read("RELAY_DATABASE_URL", os.environ if source is None else source))


def read_consumers_config(source: Mapping[str, str] | None = None) -> ConsumersConfig:
    """Raises ConfigurationError."""
    return ConsumersConfig(*_read("CONSUMERS_DATABASE_URL", os.environ if source is None else source))


def configured_or_exit(read: Callable[[], C]) -> C:
    """What `read` returns, or one sentence on stderr and exit code 2."""
    try:
        return read()
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(EXIT_CONFIGURATION)


def _read(database: str, source: Mapping[str, str]) -> tuple[str, str, str, str, str]:
    given = Environment(source)
    event_log = given.event_log()
    return (
        given.url(database, POSTGRES),
        given.url("REDIS_URL", REDIS),
        event_log,
        given.log_level(),
        kafka_bootstrap(source) if event_log == "kafka" else "",
    )


def kafka_bootstrap(source: Mapping[str, str]) -> str:
    """The brokers' addresses, `host:port` with commas between. Raises ConfigurationError."""
    value = Environment(source).optional("KAFKA_BOOTSTRAP")
    if value is None:
        raise ConfigurationError(
            "KAFKA_BOOTSTRAP is not set. Set it to the broker's address, such as 127.0.0.1:9092, or keep to the "
            "PostgreSQL log with EVENT_LOG=postgres."
        )
    for address in value.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigurationError(
                f"KAFKA_BOOTSTRAP has {address.strip()!r}. Write host:port, several with commas between them."
            )
    return value
