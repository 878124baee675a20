"""Reads variables of the environment, typed. What makes no sense stops the process with a sentence that mends it.

Every variable may also be given as NAME_FILE: the path of a file that holds the value (a Docker or systemd secret).
Messages never show a value that may hold a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
EVENT_LOGS = ("postgres", "kafka")
POSTGRES = ("postgres", "postgresql")
REDIS = ("redis", "rediss")
HTTP = ("http", "https")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class ConfigurationError(ValueError):
    """A variable is missing or makes no sense; the message says how to mend it."""

    code = "configuration"


class Environment:
    """Variables of `source`, one at a time. Each method raises ConfigurationError."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def optional(self, name: str) -> str | None:
        """The value, from the variable or from its file; None where neither is set or both are empty."""
        path = self._source.get(f"{name}_FILE")
        if not path:
            return self._source.get(name) or None
        if self._source.get(name):
            raise ConfigurationError(f"Both {name} and {name}_FILE are set. Remove one of them.")
        try:
            return Path(path).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is not text"
            raise ConfigurationError(
                f"{name}_FILE names {path}, which can't be read ({reason}). Correct the path or its rights."
            ) from problem

    def text(self, name: str, default: str | None = None) -> str:
        """The value or `default`."""
        value = self.optional(name) or default
        if value is None:
            raise ConfigurationError(f"{name} is not set. Set {name} or {name}_FILE (see .env.sample).")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of `allowed`."""
        value = self.text(name, default)
        if value not in allowed:
            raise ConfigurationError(f"{name} is {value!r}. Use one of: {', '.join(allowed)}.")
        return value

    def flag(self, name: str) -> bool:
        """True for 1, false for 0 and where it is not set."""
        return self.choice(name, ("0", "1"), "0") == "1"

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """A URL with a host and one of `schemes`."""
        value = self.text(name, default)
        try:
            parts = urlsplit(value)
            well_formed = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            well_formed = False
        if not well_formed:
            starts = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ConfigurationError(f"{name} must be a URL that starts with {starts}.")
        return value

    def public_url(self) -> str:
        """PUBLIC_URL without a final slash; it must have no path."""
        value = self.url("PUBLIC_URL", HTTP).rstrip("/")
        if urlsplit(value).path:
            raise ConfigurationError(
                "PUBLIC_URL must have no path. Daybook lives at the root of its address."
            )
        return value

    def redis_database(self, number: int) -> str:
        """REDIS_URL's server, in the database of that number."""
        return urlsplit(self.url("REDIS_URL", REDIS))._replace(path=f"/{number}").geturl()

    def log_level(self) -> str:
        return self.choice("LOG_LEVEL", LOG_LEVELS, "INFO")

    def event_log(self) -> str:
        return self.choice("EVENT_LOG", EVENT_LOGS, "postgres")
