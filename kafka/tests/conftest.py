"""A migrated database per test, reached as the programs' own login users, so that grants are tested with everything.

TEST_DATABASE_URL is the address of a PostgreSQL server as its superuser.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
import pytest

from broker.broker import Broker
from broker.temporary import temporary_broker
from broker.topics import ensure_topics
from tms_testing.database import MigratedDatabase, copy_of, migrated_database
from tms_testing.kafka_broker import kafka_or_skip
from tms_testing.log import Connection, Log

KAFKA = Path(__file__).resolve().parents[1]
SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres:dev@127.0.0.1:5515/postgres")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6415/0")


@pytest.fixture(scope="session")
def template() -> Iterator[MigratedDatabase]:
    with migrated_database(SERVER_URL) as database:
        yield database


@pytest.fixture
def database(template: MigratedDatabase) -> Iterator[MigratedDatabase]:
    with copy_of(template) as copy:
        yield copy


@pytest.fixture
def log(database: MigratedDatabase) -> Iterator[Log]:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        yield Log(database, owner)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One for all tests of the session: each has an era and groups of its own. It runs, and has the topics."""
    with temporary_broker(artifacts=kafka_or_skip()) as broker:
        ensure_topics(broker.address)
        yield broker


@pytest.fixture
def as_program(database: MigratedDatabase) -> Iterator[Callable[[str], Connection]]:
    """Connections as a program's login user: "web", "relay", "consumers", "analytics"."""
    opened: list[Connection] = []

    def connect(program: str) -> Connection:
        opened.append(psycopg.connect(database.url_of(program), autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(database: MigratedDatabase) -> Iterator[Start]:
    """Starts `python -m …` as a process of its own, with more environment where given; killed at the end."""
    started: list[subprocess.Popen[str]] = []
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(KAFKA),
        "REDIS_URL": REDIS_URL,
        **database.role_urls(),
    }

    def run(arguments: Sequence[str], more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=KAFKA,
                env=environment | dict(more or {}),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()
