"""What Django reads from its environment, once, typed; what makes no sense stops the process with a sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from tms_events.environment import HTTP, LOOPBACK_HOSTS, POSTGRES, REDIS, ConfigurationError, Environment

STATIC_ROOT = Path(__file__).resolve().parent.parent / "staticfiles"
KNOWN_DEFAULTS = re.compile(r"change.?me|secret|insecure|example|password", re.IGNORECASE)
REGISTRATION_MODES = ("open", "invited", "closed")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked. URLs are text; paths are absolute."""

    public_url: str
    bind: str
    proxy_count: int
    secret_key: str
    jwt_keys_dir: Path
    web_database_url: str
    owner_database_url: str | None
    redis_url: str
    cache_redis_url: str
    data_dir: Path
    outbox_dir: Path
    static_root: Path
    email_url: str | None
    analytics_url: str | None
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

    @property
    def binds_to_loopback(self) -> bool:
        return self.bind in LOOPBACK_HOSTS


def read_settings(source: Mapping[str, str] | None = None) -> Settings:
    """Read and check every variable; raises ImproperlyConfigured with a sentence that says how to mend it."""
    try:
        settings = _read(Environment(os.environ if source is None else source))
        _refuse_dangers(settings)
    except ConfigurationError as problem:
        raise ImproperlyConfigured(str(problem)) from problem
    return settings


def _read(given: Environment) -> Settings:
    data_dir = Path(given.text("DATA_DIR")).absolute()
    return Settings(
        public_url=given.public_url(),
        bind=given.text("BIND", "127.0.0.1"),
        proxy_count=_proxy_count(given),
        secret_key=_secret_key(given),
        jwt_keys_dir=Path(given.text("JWT_KEYS_DIR")).absolute(),
        web_database_url=given.url("WEB_DATABASE_URL", POSTGRES),
        owner_database_url=_optional_url(given, "DATABASE_URL", POSTGRES),
        redis_url=given.url("REDIS_URL", REDIS),
        cache_redis_url=given.url("CACHE_REDIS_URL", REDIS, given.redis_database(1)),
        data_dir=data_dir,
        outbox_dir=Path(given.text("OUTBOX_DIR", str(data_dir / "outbox"))).absolute(),
        static_root=Path(given.text("STATIC_ROOT", str(STATIC_ROOT))).absolute(),
        email_url=given.optional("EMAIL_URL"),
        analytics_url=_optional_url(given, "ANALYTICS_URL", HTTP),
        registration=given.choice("REGISTRATION", REGISTRATION_MODES, "invited"),
        demo_accounts=_demo_accounts(given),
        debug=given.flag("DEBUG"),
        log_level=given.log_level(),
    )


def _refuse_dangers(settings: Settings) -> None:
    if settings.demo_accounts and not (settings.is_loopback and settings.binds_to_loopback):
        raise ConfigurationError(
            "DEMO_ACCOUNTS is on but PUBLIC_URL or BIND is not on loopback: everyone knows those passwords. "
            "Set DEMO_ACCOUNTS=0."
        )
    if settings.debug and not settings.is_loopback:
        raise ConfigurationError(
            "DEBUG is on but PUBLIC_URL is not on loopback: it shows secrets. Set DEBUG=0."
        )


def _demo_accounts(given: Environment) -> bool:
    """As it is set; in compose, which sets `loopback`, wherever nobody but this machine gets in."""
    if given.choice("DEMO_ACCOUNTS", ("0", "1", "loopback"), "0") != "loopback":
        return given.flag("DEMO_ACCOUNTS")
    host = urlsplit(given.public_url()).hostname
    return host in LOOPBACK_HOSTS and given.text("BIND", "127.0.0.1") in LOOPBACK_HOSTS


def _proxy_count(given: Environment) -> int:
    """Proxies in front of us that each add the address they saw to X-Forwarded-For; what others wrote is hearsay."""
    text = given.text("PROXY_COUNT", "0")
    if not (text.isascii() and text.isdigit() and int(text) <= 9):
        raise ConfigurationError("PROXY_COUNT is the number of proxies in front of Daybook: 0 to 9.")
    return int(text)


def _secret_key(given: Environment) -> str:
    value = given.text("SECRET_KEY")
    if len(value) < 50 or len(set(value)) < 10 or KNOWN_DEFAULTS.search(value):
        raise ConfigurationError(
            "SECRET_KEY is too short or a known default. "
            "Make one: python -c 'import secrets; print(secrets.token_hex(32))'."
        )
    return value


def _optional_url(given: Environment, name: str, schemes: tuple[str, ...]) -> str | None:
    return given.url(name, schemes) if given.optional(name) else None
