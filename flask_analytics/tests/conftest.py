"""A known cast in a migrated database, a real key server, and the application as its own login user sees it all."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from werkzeug.test import TestResponse

from analytics import create_app
from analytics.config import Config, read_config
from analytics.services import EXTENSION
from tms_testing.database import MigratedDatabase, migrated_database

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres:dev@127.0.0.1:5515/postgres")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6415/0")
ISSUER = "http://127.0.0.1:8000"
DASHBOARD = "/api/v1/analytics/dashboard"
EMPTIED = (
    "analytics_assignment",
    "analytics_event",
    "analytics_task",
    "consumer_position",
    "users_session",
    "tasks_projectmember",
    "tasks_status",
    "tasks_project",
    "users_teammember",
    "users_team",
    "users_user",
)


def wait_until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """The first true value of `condition`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come true in time")


@dataclass(frozen=True)
class Signer:
    """Signs as Django does; `claims` and `headers` change or (None) remove what a good token has."""

    kid: str
    private: RSAPrivateKey

    @property
    def jwk(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def sign(self, sub: UUID, sid: UUID, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        header = {"typ": "at+jwt", "kid": self.kid, **(headers or {})}
        if header["kid"] is None:  # the library leaves out a typ of None, and refuses a kid of None
            del header["kid"]
        return jwt.encode(good_claims(sub, sid, **claims), self.private, "RS256", header)


def good_claims(sub: UUID, sid: UUID, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "sub": str(sub),
        "sid": str(sid),
        "iss": ISSUER,
        "aud": "daybook",
        "iat": now,
        "exp": now + 60,
        "jti": uuid4().hex,
        "token_type": "access",
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


class KeyServer:
    """Serves a key set over HTTP, as Django's /.well-known/jwks.json does; tests choose the answer or let it hang."""

    def __init__(self, *signers: Signer) -> None:
        self.status = 200
        self.body = b""
        self.publish(*signers)
        self.requests = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, *signers: Signer) -> None:
        self.body = json.dumps({"keys": [signer.jwk for signer in signers]}).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                server.may_answer.wait(20)
                self.send_response(server.status)
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        return Handler


@dataclass(frozen=True)
class Person:
    id: int
    public_id: UUID
    is_staff: bool
    sid: UUID


@dataclass(frozen=True)
class Task:
    """What a test remembers of a row it put into analytics_task."""

    id: int
    team: int | None
    project: int | None
    creator: int
    category: str = "todo"
    priority: str = "medium"
    due_at: datetime | None = None
    estimated: str | None = None
    actual: str | None = None
    archived: bool = False


@dataclass
class World:
    """Puts rows where Django and the consumers would; remembers what the tests compare with."""

    owner: psycopg.Connection
    tasks: list[Task] = field(default_factory=list)
    assigned: set[tuple[int, int]] = field(default_factory=set)
    seq: int = 0

    def person(self, name: str, *, staff: bool = False, active: bool = True) -> Person:
        public_id = uuid4()
        row = self.owner.execute(
            "INSERT INTO users_user (password, is_superuser, public_id, email, username, display_name, time_zone,"
            " language, is_active, is_staff, version, access_epoch)"
            " VALUES ('!', false, %s, %s, %s, %s, 'UTC', 'en', %s, %s, 0, 0) RETURNING id",
            (public_id, f"{name}@example.org", name, name.title(), active, staff),
        ).fetchone()
        return Person(row[0], public_id, staff, self.session(row[0]))

    def session(self, user: int, *, scope: str = "admin", project: int | None = None, **when: Any) -> UUID:
        """`when`: ended_at, expires_at, idle_until."""
        now = datetime.now(UTC)
        sid = uuid4()
        self.owner.execute(
            "INSERT INTO users_session (sid, kind, scope, project_id, started_at, last_used_at, idle_until,"
            " expires_at, ended_at, ended_because, user_agent, user_id)"
            " VALUES (%s, 'api', %s, %s, %s, %s, %s, %s, %s, '', '', %s)",
            (
                sid,
                scope,
                project,
                now,
                now,
                when.get("idle_until", now + timedelta(hours=1)),
                when.get("expires_at", now + timedelta(hours=1)),
                when.get("ended_at"),
                user,
            ),
        )
        return sid

    def team(self, name: str, **roles: Person) -> int:
        """Keywords are roles: owner=, admin=, member=, guest=."""
        row = self.owner.execute(
            "INSERT INTO users_team (name, slug, time_zone, working_days, version)"
            " VALUES (%s, %s, 'UTC', '{1,2,3,4,5}', 0) RETURNING id",
            (name, name),
        ).fetchone()
        for role, person in roles.items():
            self.join_team(row[0], person, role)
        return row[0]

    def join_team(self, team: int, person: Person, role: str) -> None:
        self.owner.execute(
            "INSERT INTO users_teammember (team_id, user_id, role) VALUES (%s, %s, %s)",
            (team, person.id, role),
        )

    def project(self, team: int, key: str, visibility: str = "team") -> int:
        row = self.owner.execute(
            "INSERT INTO tasks_project (team_id, key, name, description, visibility, version)"
            " VALUES (%s, %s, %s, '', %s, 0) RETURNING id",
            (team, key, key, visibility),
        ).fetchone()
        return row[0]

    def join_project(self, project: int, person: Person, role: str) -> None:
        self.owner.execute(
            "INSERT INTO tasks_projectmember (project_id, user_id, role) VALUES (%s, %s, %s)",
            (project, person.id, role),
        )

    def task(self, team: int | None, project: int | None, creator: Person, **given: Any) -> Task:
        task = Task(len(self.tasks) + 1, team, project, creator.id, **given)
        now = datetime.now(UTC)
        self.owner.execute(
            "INSERT INTO analytics_task (task_id, version, team_id, project_id, creator_id, status, category,"
            " priority, due_at, estimated_hours, actual_hours, created_at, completed_at, archived_at)"
            " VALUES (%s, 1, %s, %s, %s, 'x', %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                task.id,
                task.team,
                task.project,
                task.creator,
                task.category,
                task.priority,
                task.due_at,
                task.estimated,
                task.actual,
                now,
                now if task.category == "done" else None,
                now if task.archived else None,
            ),
        )
        self.tasks.append(task)
        return task

    def event(
        self, task: Task, kind: str, at: datetime, from_: str | None = None, to: str | None = None
    ) -> None:
        self.seq += 1
        self.owner.execute(
            "INSERT INTO analytics_event (event_id, seq, type, task_id, team_id, project_id, actor_id, at,"
            " from_category, to_category) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (uuid4(), self.seq, kind, task.id, task.team, task.project, task.creator, at, from_, to),
        )

    def assign(self, task: Task, person: Person) -> None:
        self.owner.execute(
            "INSERT INTO analytics_assignment (task_id, user_id, since) VALUES (%s, %s, now())",
            (task.id, person.id),
        )
        self.assigned.add((task.id, person.id))

    def advance(self, seq: int, partition: int = 0) -> None:
        """Move the analytics consumer's position; in a new world it has none."""
        self.owner.execute(
            'INSERT INTO consumer_position ("group", topic, partition, last_seq, era)'
            " VALUES ('analytics', 'task-events', %s, %s, %s)"
            ' ON CONFLICT ("group", topic, partition) DO UPDATE SET last_seq = EXCLUDED.last_seq',
            (partition, seq, uuid4()),
        )


@pytest.fixture(scope="session")
def database() -> Iterator[MigratedDatabase]:
    with migrated_database(SERVER_URL) as made:
        yield made


@pytest.fixture(scope="session")
def signer(database: MigratedDatabase) -> Signer:
    """With the key that Django would sign with."""
    kid = (database.keys_dir / "signing").read_text().strip()
    pem = Path(database.keys_dir / f"{kid}.pem").read_bytes()
    private = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(private, RSAPrivateKey)
    return Signer(kid, private)


@pytest.fixture(scope="session")
def other_signer() -> Signer:
    """With a key that nobody has published."""
    return Signer("another-key", generate_private_key(public_exponent=65537, key_size=2048))


@pytest.fixture(scope="session")
def key_server(signer: Signer) -> Iterator[KeyServer]:
    server = KeyServer(signer)
    yield server
    server.close()


@pytest.fixture
def fresh_key_server(signer: Signer) -> Iterator[KeyServer]:
    """One that a test may spoil."""
    server = KeyServer(signer)
    yield server
    server.close()


@pytest.fixture(scope="session")
def environment(database: MigratedDatabase, key_server: KeyServer) -> dict[str, str]:
    return {
        "PUBLIC_URL": ISSUER,
        "ANALYTICS_DATABASE_URL": database.analytics_url,
        "JWKS_URL": key_server.url,
        "REDIS_URL": REDIS_URL,
    }


@pytest.fixture(scope="session")
def config(environment: dict[str, str]) -> Config:
    return read_config(environment)


@pytest.fixture(scope="session")
def start_client(config: Config) -> Iterator[Callable[..., FlaskClient]]:
    """Starts an application, with parts of the configuration changed, and stops it at the end of the session."""
    started = []

    def start(*, await_keys: bool = True, **changed: str) -> FlaskClient:
        app = create_app(Config(**{**_fields(config), **changed}))
        started.append(app.extensions[EXTENSION])
        if await_keys:
            wait_until(lambda: started[-1].keys.are_known)
        return app.test_client()

    yield start
    for services in started:
        services.stop()


def _fields(config: Config) -> dict[str, str]:
    return {name: getattr(config, name) for name in Config.__dataclass_fields__}


@pytest.fixture(scope="session")
def client(start_client: Callable[..., FlaskClient]) -> FlaskClient:
    return start_client()


@pytest.fixture
def world(database: MigratedDatabase) -> Iterator[World]:
    """Empty but for the migrations' rows; every statement commits at once."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for table in EMPTIED:
            owner.execute(f"DELETE FROM {table}")
        yield World(owner)


@pytest.fixture
def ask(client: FlaskClient, signer: Signer) -> Callable[..., TestResponse]:
    """GET the dashboard as a person, or with another of their sessions: ask(person, sid=…, team=…, project=…)."""

    def get(
        person: Person, *, sid: UUID | None = None, through: FlaskClient | None = None, **query: Any
    ) -> TestResponse:
        token = signer.sign(person.public_id, sid or person.sid)
        return with_token(through or client, token, **query)

    return get


def with_token(client: FlaskClient, token: str, **query: Any) -> TestResponse:
    return client.get(DASHBOARD, headers={"Authorization": f"Bearer {token}"}, query_string=query)


@pytest.fixture
def send() -> Callable[..., TestResponse]:
    """GET the dashboard with a token: send(client, token)."""
    return with_token


@pytest.fixture
def claims_of() -> Callable[..., dict[str, Any]]:
    """The claims of a good token, for a test that signs them in its own way."""
    return good_claims


@pytest.fixture
def wait() -> Callable[..., Any]:
    return wait_until
