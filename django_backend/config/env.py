"""Reads the environment once, typed, and stops the process at start with a sentence where it makes no sense.

Every variable may also be given as NAME_FILE: the path of a file that holds the value (a Docker or systemd secret).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

LOOPBACK_HOSTS = {"127.0.0.1", "localhost", "::1"}
KNOWN_DEFAULTS = re.compile(r"change.?me|secret|insecure|example|password", re.IGNORECASE)
REGISTRATION_MODES = ("open", "invited", "closed")
EVENT_LOGS = ("postgres", "kafka")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked. URLs are text; paths are absolute."""

    public_url: str
    secret_key: str
    jwt_keys_dir: Path
    web_database_url: str
    owner_database_url: str | None
    redis_url: str
    cache_redis_url: str
    data_dir: Path
    outbox_dir: Path
    static_root: Path | None
    email_url: str | None
    analytics_url: str | None
    event_log: str
    registration: str
    demo_accounts: bool
    debug: bool
    log_level: str

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def host(self) -> str:
        return urlsplit(self.public_url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK_HOSTS


class Reader:
    """One variable at a time, from `source` or from the file that NAME_FILE names."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self.source = source

    def text(self, name: str, default: str | None = None) -> str:
        value = self.optional(name)
        if value is None:
            value = default
        if value is None:
            raise ImproperlyConfigured(f"{name} is not set. Set {name} or {name}_FILE (see .env.sample).")
        return value

    def optional(self, name: str) -> str | None:
        path = self.source.get(f"{name}_FILE")
        if path and self.source.get(name):
            raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Remove one of them.")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip() or None
            except OSError as problem:
                raise ImproperlyConfigured(
                    f"{name}_FILE names {path}, which can't be read ({problem.strerror}). "
                    "Correct the path or its rights."
                ) from problem
        return self.source.get(name) or None

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise ImproperlyConfigured(f"{name} is {value!r}. Use one of: {', '.join(allowed)}.")
        return value

    def flag(self, name: str) -> bool:
        value = self.text(name, "0").lower()
        if value in environ.Env.BOOLEAN_TRUE_STRINGS:
            return True
        if value in ("0", "false", "no", "off"):
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}. Use 1 or 0.")

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.hostname:
            raise ImproperlyConfigured(
                f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}."
            )
        return value


def read_settings(source: Mapping[str, str] | None = None) -> Settings:
    """Read and check every variable; raises ImproperlyConfigured with a sentence that says how to mend it."""
    reader = Reader(os.environ if source is None else source)
    data_dir = Path(reader.text("DATA_DIR")).absolute()
    settings = Settings(
        public_url=_public_url(reader),
        secret_key=_secret_key(reader),
        jwt_keys_dir=Path(reader.text("JWT_KEYS_DIR")).absolute(),
        web_database_url=reader.url("WEB_DATABASE_URL", ("postgres", "postgresql")),
        owner_database_url=reader.url("DATABASE_URL", ("postgres", "postgresql"))
        if reader.optional("DATABASE_URL")
        else None,
        redis_url=reader.url("REDIS_URL", ("redis", "rediss")),
        cache_redis_url=_cache_redis_url(reader),
        data_dir=data_dir,
        outbox_dir=Path(reader.text("OUTBOX_DIR", str(data_dir / "outbox"))).absolute(),
        static_root=_path_or_none(reader, "STATIC_ROOT"),
        email_url=reader.optional("EMAIL_URL"),
        analytics_url=reader.url("ANALYTICS_URL", ("http", "https"))
        if reader.optional("ANALYTICS_URL")
        else None,
        event_log=reader.choice("EVENT_LOG", EVENT_LOGS, "postgres"),
        registration=reader.choice("REGISTRATION", REGISTRATION_MODES, "invited"),
        demo_accounts=reader.flag("DEMO_ACCOUNTS"),
        debug=reader.flag("DEBUG"),
        log_level=reader.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    )
    if settings.demo_accounts and not settings.is_loopback:
        raise ImproperlyConfigured(
            "DEMO_ACCOUNTS is on but PUBLIC_URL is not on loopback: everyone knows those passwords. "
            "Set DEMO_ACCOUNTS=0."
        )
    if settings.debug and not settings.is_loopback:
        raise ImproperlyConfigured(
            "DEBUG is on but PUBLIC_URL is not on loopback: it shows secrets. Set DEBUG=0."
        )
    return settings


def _public_url(reader: Reader) -> str:
    value = reader.url("PUBLIC_URL", ("http", "https")).rstrip("/")
    if urlsplit(value).path:
        raise ImproperlyConfigured("PUBLIC_URL must have no path. Daybook lives at the root of its address.")
    return value


def _secret_key(reader: Reader) -> str:
    value = reader.text("SECRET_KEY")
    if len(value) < 50 or len(set(value)) < 10 or KNOWN_DEFAULTS.search(value):
        raise ImproperlyConfigured(
            "SECRET_KEY is too short or a known default. "
            "Make one: python -c 'import secrets; print(secrets.token_hex(32))'."
        )
    return value


def _cache_redis_url(reader: Reader) -> str:
    url = reader.url("REDIS_URL", ("redis", "rediss"))
    base = urlsplit(url)._replace(path="/1").geturl()
    return reader.url("CACHE_REDIS_URL", ("redis", "rediss"), base)


def _path_or_none(reader: Reader, name: str) -> Path | None:
    value = reader.optional(name)
    return Path(value).absolute() if value else None
