"""Reads the environment once, typed. Every variable may also be given as NAME_FILE: a file that holds the value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
CACHE_DATABASE = 2


class ConfigProblem(ValueError):
    """A variable is missing or makes no sense; the message says how to mend it and shows no secret."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says, checked. `issuer` is PUBLIC_URL without a final slash: what tokens call `iss`."""

    issuer: str
    database_url: str
    jwks_url: str
    cache_url: str
    log_level: str = "INFO"


def read_config(source: Mapping[str, str] | None = None) -> Config:
    """Read and check every variable; raises ConfigProblem."""
    given = os.environ if source is None else source
    return Config(
        issuer=_public_url(given),
        database_url=_url(given, "ANALYTICS_DATABASE_URL", ("postgres", "postgresql")),
        jwks_url=_url(given, "JWKS_URL", ("http", "https")),
        cache_url=_cache_url(given),
        log_level=_log_level(given),
    )


def _public_url(given: Mapping[str, str]) -> str:
    value = _url(given, "PUBLIC_URL", ("http", "https")).rstrip("/")
    if urlsplit(value).path:
        raise ConfigProblem("PUBLIC_URL must have no path. Daybook lives at the root of its address.")
    return value


def _cache_url(given: Mapping[str, str]) -> str:
    """The same Redis server as everyone's, in a database of this service's own."""
    url = _url(given, "REDIS_URL", ("redis", "rediss"))
    return urlsplit(url)._replace(path=f"/{CACHE_DATABASE}").geturl()


def _log_level(given: Mapping[str, str]) -> str:
    value = _optional(given, "LOG_LEVEL") or "INFO"
    if value not in LOG_LEVELS:
        raise ConfigProblem(f"LOG_LEVEL is {value!r}. Use one of: {', '.join(LOG_LEVELS)}.")
    return value


def _url(given: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = _optional(given, name)
    if value is None:
        raise ConfigProblem(f"{name} is not set. Set {name} or {name}_FILE (see .env.sample).")
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        # The value is not shown: it may hold a password.
        starts = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ConfigProblem(f"{name} is not a URL that starts with {starts}. Correct it (see .env.sample).")
    return value


def _optional(given: Mapping[str, str], name: str) -> str | None:
    path = given.get(f"{name}_FILE")
    if not path:
        return given.get(name) or None
    if given.get(name):
        raise ConfigProblem(f"Both {name} and {name}_FILE are set. Remove one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as problem:
        reason = type(problem).__name__
        raise ConfigProblem(
            f"{name}_FILE names {path}, which can't be read ({reason}). Correct the path or its rights."
        ) from problem
