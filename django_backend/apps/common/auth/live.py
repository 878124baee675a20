"""The session behind a request: read through the view `live_session`, which Flask and the sockets read as well.

`common` knows no app, so the rows of sessions and tickets are reached by SQL. Sessions are begun and ended by services
of `users`; the two writes here change no fact: when a session was last used, and that a ticket is spent.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection

SID = "sid"  # where the session's id stands in the signed cookie
TOUCH_EVERY = timedelta(minutes=5)
# What every API token begins with: told from a JWT at a glance, and found by those who look for leaked secrets.
TOKEN_PREFIX = "dbk_"
SCOPES = ("read", "write", "admin")


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A sign-in that holds right now. `access_epoch` moves whenever what the person may see changes."""

    sid: UUID
    user_id: int
    kind: str
    scope: str
    project_id: int | None
    access_epoch: int

    @property
    def may_write(self) -> bool:
        return self.covers("write")

    def covers(self, scope: str) -> bool:
        """Whether its scope is at least this one."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


FIND = """
SELECT person.*, live.sid AS live_sid, live.kind AS live_kind, live.scope AS live_scope,
       live.project_id AS live_project_id
FROM live_session live JOIN {table} person ON person.id = live.user_id
WHERE live.sid = %s
"""


FIND_TOKEN = """
SELECT person.*, live.sid AS live_sid, live.kind AS live_kind, live.scope AS live_scope,
       live.project_id AS live_project_id,
       session.last_used_at < now() - make_interval(secs => %s)
           OR session.last_used_at = session.started_at AS is_stale
FROM users_apitoken token
JOIN live_session live ON live.sid = token.session_id
JOIN users_session session ON session.sid = token.session_id
JOIN {table} person ON person.id = live.user_id
WHERE token.digest = %s
"""


def find_live_session(sid: UUID) -> tuple[Any, LiveSession] | None:
    """The person and the session in one query, or None where either has ended. A person in a session that is good for
    one project only is held to it (`narrowed_to`) by every policy.
    """
    return _find(FIND, [sid])


def find_live_token(token: str) -> tuple[Any, LiveSession] | None:
    """The same for an API token. Its use is noted every few minutes."""
    found = _find(FIND_TOKEN, [TOUCH_EVERY.total_seconds(), digest_of(token)])
    if found is None:
        return None
    person, live = found
    if person.is_stale:
        _note_use(live.sid)
    return person, live


def _find(statement: str, values: list[Any]) -> tuple[Any, LiveSession] | None:
    model = get_user_model()
    rows = model._default_manager.raw(statement.format(table=model._meta.db_table), values)
    person: Any = next(iter(rows), None)
    if person is None:
        return None
    person.narrowed_to = person.live_project_id
    live = LiveSession(
        sid=person.live_sid,
        user_id=person.pk,
        kind=person.live_kind,
        scope=person.live_scope,
        project_id=person.live_project_id,
        access_epoch=person.access_epoch,
    )
    return person, live


def find_person(sid: UUID, public_id: UUID) -> tuple[AbstractBaseUser, LiveSession] | None:
    """The same, for a token that names both: they must belong together."""
    found = find_live_session(sid)
    if found is None or found[0].public_id != public_id:
        return None
    return found


def touch_session(sid: UUID) -> None:
    """Note that a session was used and may idle from now; one that ended stays ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_session SET last_used_at = now(), idle_until = now() + make_interval(secs => %s) "
            "WHERE sid = %s AND ended_at IS NULL",
            [settings.SESSION_IDLE_LIMIT.total_seconds(), sid],
        )


def _note_use(sid: UUID) -> None:
    """An API token does not idle: it ends when it ends."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users_session SET last_used_at = now() WHERE sid = %s", [sid])


def digest_of(secret: str) -> bytes:
    """What is stored of a secret that is shown once: enough to know it again, useless to a thief of the table."""
    return hashlib.sha256(secret.encode()).digest()


def spend_ticket(ticket: str) -> UUID | None:
    """The session that a socket ticket opens, once; None if it was used, is too old or never was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM users_socketticket WHERE digest = %s AND expires_at > now() RETURNING session_id",
            [digest_of(ticket)],
        )
        row = cursor.fetchone()
    return row[0] if row else None
