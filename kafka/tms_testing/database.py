"""A migrated database of one's own on a real PostgreSQL server, with a login user per program.

The tables belong to Django's migrations, so they are made by running its commands as a subprocess: the programs under
test import nothing of Django, and a table that drifts from what they expect fails here.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("web", "relay", "consumers", "analytics")
# Group roles belong to the whole server: two sessions that make them at once would collide.
ROLES_LOCK = 0x6461796F


class PreparationFailed(RuntimeError):
    """A command that prepares the database failed; the message carries what it printed."""


@dataclass(frozen=True, slots=True)
class MigratedDatabase:
    """One database; `logins` maps each program to its login user and that user's password."""

    name: str
    server_url: str
    logins: dict[str, tuple[str, str]]
    keys_dir: Path

    @property
    def owner_url(self) -> str:
        """The address that owns the tables: the server's own user."""
        return urlsplit(self.server_url)._replace(path=f"/{self.name}").geturl()

    @property
    def web_url(self) -> str:
        return self.url_of("web")

    @property
    def relay_url(self) -> str:
        return self.url_of("relay")

    @property
    def consumers_url(self) -> str:
        return self.url_of("consumers")

    @property
    def analytics_url(self) -> str:
        return self.url_of("analytics")

    def url_of(self, program: str) -> str:
        """The address as the login user of `program` (one of PROGRAMS)."""
        user, password = self.logins[program]
        parts = urlsplit(self.owner_url)
        place = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{user}:{password}@{place}").geturl()

    def role_urls(self) -> dict[str, str]:
        """The environment variables that name the database, for a subprocess."""
        return {
            "DATABASE_URL": self.owner_url,
            **{f"{program.upper()}_DATABASE_URL": self.url_of(program) for program in PROGRAMS},
        }


@contextmanager
def migrated_database(server_url: str) -> Iterator[MigratedDatabase]:
    """Make a database and its login users on the server (`server_url` is its superuser's), migrate it; drop all after.

    Takes some seconds: make it once per session, and a `copy_of` it wherever a test wants one of its own.
    """
    name = f"daybook_test_{os.getpid()}_{secrets.token_hex(4)}"
    logins = {program: (f"{name}_{program}", secrets.token_hex(16)) for program in PROGRAMS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daybook-test-")))
        made = MigratedDatabase(name=name, server_url=server_url, logins=logins, keys_dir=folder / "keys")
        stack.callback(_drop_logins, made)
        stack.enter_context(_created(made, template="template0"))
        _migrate(made, folder)
        yield made


@contextmanager
def copy_of(database: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """A database of one's own with the same tables, rows, grants and login users (about 0.1 s); dropped afterwards.

    Nobody may be connected to the original while it is copied.
    """
    copy = replace(database, name=f"{database.name}_{secrets.token_hex(4)}")
    with _created(copy, template=database.name):
        with psycopg.connect(copy.server_url, autocommit=True) as server:
            _allow_logins_alone(server, copy)
        yield copy


@contextmanager
def _created(database: MigratedDatabase, *, template: str) -> Iterator[None]:
    """CREATE DATABASE, and DROP it on the way out whatever is still connected."""
    name = sql.Identifier(database.name)
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template))
    with psycopg.connect(database.server_url, autocommit=True) as server:
        server.execute(statement)
    try:
        yield
    finally:
        with psycopg.connect(database.server_url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _allow_logins_alone(server: psycopg.Connection, database: MigratedDatabase) -> None:
    """The right to connect is not copied with a database, so the copy gets what `db_roles` gave the original."""
    name = sql.Identifier(database.name)
    server.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    for user, _ in database.logins.values():
        server.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(user)))


def _drop_logins(database: MigratedDatabase) -> None:
    with psycopg.connect(database.server_url, autocommit=True) as server:
        for user, _ in database.logins.values():
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(user)))


def _migrate(database: MigratedDatabase, folder: Path) -> None:
    environment = django_environment(database, folder)
    _run(["-m", "apps.common.auth.keys", "generate", str(database.keys_dir)], environment)
    with psycopg.connect(database.server_url, autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", (ROLES_LOCK,))
        _run(["manage.py", "db_roles"], environment)
    # The checks of pages and addresses are the web's own tests' business.
    _run(["manage.py", "migrate", "--skip-checks", "--verbosity", "0"], environment)


def django_environment(database: MigratedDatabase, folder: Path) -> dict[str, str]:
    """Everything Django's commands ask for, with keys and files in `folder`; no one else's settings leak in."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT / "kafka"),
        **database.role_urls(),
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "SECRET_KEY": secrets.token_hex(32),
        "JWT_KEYS_DIR": str(database.keys_dir),
        "DATA_DIR": str(folder),
        "REDIS_URL": os.environ.get("REDIS_URL", "redis://127.0.0.1:6415/0"),
    }


def _run(arguments: list[str], environment: dict[str, str]) -> None:
    """Run Python in django_backend/; raises PreparationFailed with its output when it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT / "django_backend",
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        raise PreparationFailed(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
