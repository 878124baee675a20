"""Tests of the Django program: real PostgreSQL, real Redis, real RS256 keys, and the web's own rights in the database.

Variables: TEST_DATABASE_URL, the superuser's address of a PostgreSQL server (any database on it);
TEST_DATABASE_NAME, a name of one's own where several runs share a server; REDIS_URL.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "kafka"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from apps.common.auth.keys import generate  # noqa: E402
from apps.common.roles import WEB, ensure_group_roles  # noqa: E402

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres:dev@127.0.0.1:5515/postgres")
WEB_LOGIN = "daybook_test_web"
WEB_PASSWORD = "only-for-tests"  # the server is one for tests; a random one would lock a second run out
ONE_ROW_TABLES = ("sequencer", "event_published")
# Settings of an install that the tests run in (compose) or beside; the others are given values of our own.
NOT_OURS = (
    "EMAIL_URL", "CACHE_REDIS_URL", "OUTBOX_DIR", "DEBUG", "BIND", "PROXY_COUNT", "ANALYTICS_URL", "STATIC_ROOT",
    "LOG_LEVEL",
)  # fmt: skip
ROLES_LOCK = 0x6461796F  # shared with tms_testing: roles belong to the whole server


def _address(name: str, user: str | None = None, password: str = "") -> str:
    parts = urlsplit(SERVER_URL)
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{user}:{password}@{place}" if user else parts.netloc
    return parts._replace(netloc=netloc, path=f"/{name}").geturl()


def _prepare_environment() -> None:
    """The settings of a test run; nothing of the caller's own install leaks in. Workers of xdist inherit it."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    generate(folder / "keys")
    name = os.environ.get("TEST_DATABASE_NAME", "daybook")
    for variable in [*os.environ]:
        if variable.endswith("_FILE") or variable in NOT_OURS:
            del os.environ[variable]
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.test_settings",
        PUBLIC_URL="http://127.0.0.1:8000",
        SECRET_KEY=secrets.token_hex(32),
        JWT_KEYS_DIR=str(folder / "keys"),
        DATA_DIR=str(folder / "data"),
        DATABASE_URL=_address(name),
        WEB_DATABASE_URL=_address(name, WEB_LOGIN, WEB_PASSWORD),
        REGISTRATION="invited",
        DEMO_ACCOUNTS="0",
        EVENT_LOG="postgres",
    )
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6415/0")


if "PYTEST_XDIST_WORKER" not in os.environ:
    _prepare_environment()


def pytest_configure() -> None:
    """The settings module is named here and not in an ini file, which would be read before the environment is made."""
    import django

    django.setup()


def _make_roles() -> None:
    """The group roles and the web's login user. One run at a time: roles are the server's, not the database's."""
    login = sql.Identifier(WEB_LOGIN)
    with psycopg.connect(SERVER_URL, autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [ROLES_LOCK])
        with server.cursor() as cursor:
            ensure_group_roles(cursor)  # type: ignore[arg-type]  # any cursor will do
        found = server.execute(
            "SELECT pg_has_role(rolname, %s, 'MEMBER') FROM pg_roles WHERE rolname = %s", [WEB, WEB_LOGIN]
        ).fetchone()
        if found is None:
            server.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(login, sql.Literal(WEB_PASSWORD))
            )
        if found is None or not found[0]:
            server.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(WEB), login))


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix(request: pytest.FixtureRequest) -> None:
    """Each worker its own database; the default alias is a mirror and takes the owner's name."""
    from django.db import connections

    worker = getattr(request.config, "workerinput", {}).get("workerid")
    if worker:
        owner = connections["owner"].settings_dict
        owner["TEST"]["NAME"] = f"test_{owner['NAME']}_{worker}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_modify_db_settings: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """Migrate as the owner, keep a copy of the rows that migrations made, drop the database afterwards."""
    from django.test.utils import setup_databases, teardown_databases

    blocker = request.getfixturevalue("django_db_blocker")
    _make_roles()
    with blocker.unblock():
        made = setup_databases(
            verbosity=0, interactive=False, aliases={"default", "owner"}, serialized_aliases=set()
        )
        _keep_seed_rows()
    yield
    with blocker.unblock():
        from django.db import connections

        connections["default"].close()
        teardown_databases(made, verbosity=0)


def owner_connection() -> psycopg.Connection:
    """A connection of the tables' owner to the test database, for what the web's role may not do."""
    from django.db import connections

    return psycopg.connect(_address(str(connections["owner"].settings_dict["NAME"])), autocommit=True)


def _tables(owner: psycopg.Connection) -> list[str]:
    rows = owner.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    ).fetchall()
    return [name for (name,) in rows if name != "django_migrations"]


def _keep_seed_rows() -> None:
    with owner_connection() as owner:
        owner.execute("CREATE SCHEMA seed")
        for name in _tables(owner):
            table = sql.Identifier(name)
            if owner.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone():
                owner.execute(sql.SQL("CREATE TABLE seed.{} AS TABLE public.{}").format(table, table))


def _set_back(owner: psycopg.Connection, name: str) -> None:
    """Give the table's only row the values that the migrations gave it; the row itself stays."""
    columns = [
        sql.Identifier(column)
        for (column,) in owner.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
            [name],
        )
    ]
    listed, table = sql.SQL(", ").join(columns), sql.Identifier(name)
    owner.execute(
        sql.SQL("UPDATE public.{} SET ({}) = (SELECT {} FROM seed.{})").format(table, listed, listed, table)
    )


def empty_all_tables() -> None:
    """Back to what the migrations left. The append-only tables refuse everyone, so their triggers are off meanwhile."""
    with owner_connection() as owner, owner.transaction():
        seeded = {
            row[0] for row in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'seed'")
        }
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute("SET LOCAL lock_timeout = '10s'")
        # A relay may run beside the test: it too locks the sequencer first, and would die of finding no row there.
        owner.execute("SELECT 1 FROM sequencer FOR UPDATE")
        for name in ONE_ROW_TABLES:
            _set_back(owner, name)
        for name in _tables(owner):
            if name in ONE_ROW_TABLES:
                continue
            table = sql.Identifier(name)
            owner.execute(sql.SQL("DELETE FROM public.{}").format(table))
            if name in seeded:
                owner.execute(sql.SQL("INSERT INTO public.{} SELECT * FROM seed.{}").format(table, table))


@pytest.fixture(scope="session", autouse=True)
def _transactional_tests_end_as_the_owner() -> Iterator[None]:
    """Django would flush by TRUNCATE as the web's role, which neither may nor should be allowed to."""
    from django.test import TransactionTestCase

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_all_tables())
        yield


@pytest.fixture
def cast(db: None) -> Any:
    """One team with one project: owner, admin, member, guest, and an outsider; see apps.users.tests.cast."""
    from apps.users.tests.cast import make_cast

    return make_cast()


@pytest.fixture
def api() -> Callable[..., Any]:
    """`api(person)`: an APIClient that carries a real RS256 token of a live session; `api()`: a stranger's."""
    from apps.users.tests.cast import client_of

    return client_of


@pytest.fixture
def browser() -> Callable[..., Any]:
    """`browser(person)`: Django's test client with the cookie of a live session; `browser()`: a stranger's."""
    from apps.users.tests.cast import browser_of

    return browser_of


@pytest.fixture
def as_owner(db: None) -> Iterator[psycopg.Connection]:
    """The tables' owner, on a connection of its own: it sees what is committed, so use it in transactional tests."""
    with owner_connection() as owner:
        yield owner
