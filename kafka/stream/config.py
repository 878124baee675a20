"""Reads the environment once, typed, and stops the process at start with a sentence where it makes no sense.

Every variable may also be given as NAME_FILE: the path of a file that holds the value.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
EXIT_CONFIGURATION = 2

C = TypeVar("C")


class ConfigurationError(ValueError):
    """A variable is missing or makes no sense; the message says how to mend it."""

    code = "configuration"


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
    event_log = _choice(source, "EVENT_LOG", ("postgres", "kafka"), "postgres")
    return (
        _url(source, database, ("postgres", "postgresql")),
        _url(source, "REDIS_URL", ("redis", "rediss")),
        event_log,
        _choice(source, "LOG_LEVEL", LOG_LEVELS, "INFO"),
        kafka_bootstrap(source) if event_log == "kafka" else "",
    )


def kafka_bootstrap(source: Mapping[str, str]) -> str:
    """The brokers' addresses, `host:port` with commas between. Raises ConfigurationError."""
    value = _optional(source, "KAFKA_BOOTSTRAP")
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


def _optional(source: Mapping[str, str], name: str) -> str | None:
    path = source.get(f"{name}_FILE")
    if not path:
        return source.get(name) or None
    if source.get(name):
        raise ConfigurationError(f"Both {name} and {name}_FILE are set. Remove one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as problem:
        raise ConfigurationError(
            f"{name}_FILE names {path}, which can't be read ({problem.strerror}). Correct the path or its rights."
        ) from problem


def _url(source: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = _optional(source, name)
    if value is None:
        raise ConfigurationError(f"{name} is not set. Set {name} or {name}_FILE (see .env.sample).")
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigurationError(
            f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}."
        )
    return value


def _choice(source: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = _optional(source, name) or default
    if value not in allowed:
        raise ConfigurationError(f"{name} is {value!r}. Use one of: {', '.join(allowed)}.")
    return value
