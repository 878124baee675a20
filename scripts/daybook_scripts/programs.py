"""Daybook's own programs: what each runs, where, and which part of the environment it gets.

Each gets its own database role's address and no other; only migrations, roles and tests see the owner's.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from daybook_scripts import layout
from daybook_scripts.accounts import Account
from daybook_scripts.environment import clean_of_python
from daybook_scripts.supervisor import Program

ROLES = ("web", "relay", "consumers", "analytics")
SECRETS = ("DATABASE_URL", "SECRET_KEY", *(f"{role.upper()}_DATABASE_URL" for role in ROLES))


@dataclass(frozen=True)
class Wiring:
    """Everything the programs have to be told."""

    python: Path
    account: Account | None
    public_url: str
    bind: str
    web_port: int
    analytics_port: int
    flower_port: int
    owner_database_url: str
    role_urls: dict[str, str]
    redis_url: str
    secret_key: str
    flower_password: str
    keys: Path
    data: Path
    outbox: Path
    static: Path
    demo: bool
    kafka_bootstrap: str = ""

    @property
    def event_log(self) -> str:
        return "kafka" if self.kafka_bootstrap else "postgres"

    @property
    def analytics_url(self) -> str:
        return f"http://127.0.0.1:{self.analytics_port}"

    @property
    def web_url(self) -> str:
        host = "127.0.0.1" if self.bind in ("0.0.0.0", "::") else self.bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self.web_port}"


def common_env(wiring: Wiring) -> dict[str, str]:
    """The operator's own settings (EMAIL_URL, LOG_LEVEL, …) pass through; secrets are given out one by one."""
    env = {name: value for name, value in clean_of_python(dict(os.environ)).items() if not is_secret(name)}
    return env | {
        "PYTHONPATH": str(layout.KAFKA),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        **({"HOME": str(wiring.data)} if wiring.account else {}),
        "PUBLIC_URL": wiring.public_url,
        "REDIS_URL": wiring.redis_url,
        "EVENT_LOG": wiring.event_log,
        "KAFKA_BOOTSTRAP": wiring.kafka_bootstrap,
    }


def is_secret(name: str) -> bool:
    return name.removesuffix("_FILE") in SECRETS


def django_env(wiring: Wiring) -> dict[str, str]:
    return common_env(wiring) | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": wiring.secret_key,
        "JWT_KEYS_DIR": str(wiring.keys),
        "WEB_DATABASE_URL": wiring.role_urls["web"],
        "DATA_DIR": str(wiring.data),
        "OUTBOX_DIR": str(wiring.outbox),
        "STATIC_ROOT": str(wiring.static),
        "ANALYTICS_URL": wiring.analytics_url,
        "DEMO_ACCOUNTS": "1" if wiring.demo else "0",
    }


def owner_env(wiring: Wiring) -> dict[str, str]:
    """For db_roles and migrate alone: the owner's address, and every role's, to make them."""
    roles = {f"{role.upper()}_DATABASE_URL": url for role, url in wiring.role_urls.items()}
    return django_env(wiring) | {"DATABASE_URL": wiring.owner_database_url} | roles


def stream_env(wiring: Wiring) -> dict[str, str]:
    return common_env(wiring) | {
        "RELAY_DATABASE_URL": wiring.role_urls["relay"],
        "CONSUMERS_DATABASE_URL": wiring.role_urls["consumers"],
    }


def analytics_env(wiring: Wiring) -> dict[str, str]:
    return common_env(wiring) | {
        "ANALYTICS_DATABASE_URL": wiring.role_urls["analytics"],
        "JWKS_URL": f"{wiring.web_url}/.well-known/jwks.json",
    }


def web(wiring: Wiring) -> Program:
    # -v 0: its own access log would hold whole addresses, and so tickets and the secrets of mailed links.
    command = (
        "-m",
        "daphne",
        "-v0",
        "-b",
        wiring.bind,
        "-p",
        str(wiring.web_port),
        "config.asgi:application",
    )
    return program("web", command, layout.DJANGO, django_env(wiring), wiring)


def stream(wiring: Wiring) -> Program:
    return program("stream", ("-m", "consumers", "all", "--relay"), layout.KAFKA, stream_env(wiring), wiring)


def switch_log(wiring: Wiring) -> Program:
    """Prepares the install for the log that `wiring` has, and ends."""
    command = ("-m", "relay", "switch-log", wiring.event_log)
    return program("switch-log", command, layout.KAFKA, stream_env(wiring), wiring)


def worker(wiring: Wiring) -> Program:
    command: tuple[str, ...] = ("-m", "celery", "-A", "config", "worker", "--beat")
    command += ("--scheduler", "django_celery_beat.schedulers:DatabaseScheduler")
    command += ("-Q", "daybook", "-c", "2", "-l", os.environ.get("LOG_LEVEL", "INFO"))
    return program("worker", command, layout.DJANGO, django_env(wiring), wiring)


def analytics(wiring: Wiring) -> Program:
    command: tuple[str, ...] = ("-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "4")
    command += ("-b", f"127.0.0.1:{wiring.analytics_port}", "analytics:create_app()")
    return program("analytics", command, layout.ANALYTICS, analytics_env(wiring), wiring)


def flower(wiring: Wiring) -> Program:
    command = (
        "-m",
        "celery",
        "-A",
        "config",
        "flower",
        "--address=127.0.0.1",
        f"--port={wiring.flower_port}",
    )
    # Through the environment: the arguments of a process are for everyone to read.
    env = django_env(wiring) | {"FLOWER_BASIC_AUTH": f"operator:{wiring.flower_password}"}
    return program("flower", command, layout.DJANGO, env, wiring)


def program(name: str, command: tuple[str, ...], cwd: Path, env: dict[str, str], wiring: Wiring) -> Program:
    return Program(name, (str(wiring.python), *command), cwd, env, wiring.account)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
