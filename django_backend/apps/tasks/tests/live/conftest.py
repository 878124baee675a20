"""Sockets for tests: a real daphne, a real relay, and pages that listen."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

if TYPE_CHECKING:  # conftests are read before Django is set up
    from apps.tasks.tests.live.page import Page

ROOT = Path(__file__).resolve().parents[5]
STARTS_WITHIN = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A daphne process that serves the test database."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _database_url(user_of: str) -> str:
    """The address of the test database, with the login that `user_of` (an environment variable) names."""
    from django.db import connections

    name = connections["owner"].settings_dict["NAME"]
    return urlsplit(os.environ[user_of])._replace(path=f"/{name}").geturl()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    command: list[str], folder: str, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT / folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "kafka"), **environment},
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_server(**variables: str) -> Iterator[Server]:
    """A daphne of one's own; `variables` go over its environment."""
    port = _free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "WEB_DATABASE_URL": _database_url("WEB_DATABASE_URL"),
        "DATABASE_URL": "",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        **variables,
    }
    command = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "config.asgi:application"]
    with _running(command, "django_backend", environment) as process:
        deadline = time.monotonic() + STARTS_WITHIN
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None, "daphne ended before it listened"
            assert time.monotonic() < deadline, "daphne does not listen"
            time.sleep(0.05)
        yield Server(port, process)


@contextmanager
def running_relay() -> Iterator[None]:
    environment = {
        "RELAY_DATABASE_URL": _database_url("DATABASE_URL"),
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    with _running(["-m", "relay"], "kafka", environment):
        yield


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def second_server(django_db_setup: None) -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def relay(django_db_setup: None) -> Iterator[None]:
    with running_relay():
        yield


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(server: Server, relay: None, transactional_db: None) -> Iterator[Open]:
    """`open_page(person)`: a socket of theirs that has heard `hello`. All are closed at the end.

    Its server has handed out everything that was in the log before, unless `caught_up=False`: then it may lag.
    """
    from apps.tasks.selectors import current_seq
    from apps.tasks.tests.live.page import Page, cookie_of

    with ExitStack() as stack:

        def open_one(
            person: object, *, at: Server = server, caught_up: bool = True, **options: object
        ) -> Page:
            seq, deadline = current_seq(), time.monotonic() + STARTS_WITHIN
            while True:
                page = open_anyhow(person, at, **options)
                if not caught_up or page.hello["seq"] >= seq:
                    return page
                assert time.monotonic() < deadline, "the tailer does not follow the log"
                page.connection.close()

        def open_anyhow(person: object, at: Server, **options: object) -> Page:
            headers = {"Cookie": cookie_of(person)}
            # Frames not yet heard must not hold up the closing of the socket.
            kept = {"max_queue": None, "close_timeout": 2, **options}
            connection = connect(
                at.url, origin=at.origin, additional_headers=headers, compression=None, **kept
            )
            stack.enter_context(connection)
            page = Page(connection)
            page.hello = page.until("hello")
            return page

        yield open_one
