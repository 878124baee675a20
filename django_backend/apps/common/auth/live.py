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
        return self.scope in ("write", "admin")


FIND = """
SELECT person.*, live.sid AS live_sid, live.kind AS live_kind, live.scope AS live_scope,
       live.project_id AS live_project_id
FROM live_session live JOIN {table} person ON person.id = live.user_id
WHERE live.sid = %s
"""


def find_live_session(sid: UUID) -> tuple[Any, LiveSession] | None:
    """The person and the session in one query, or None where either has ended."""
    model = get_user_model()
    rows = model._default_manager.raw(FIND.format(table=model._meta.db_table), [sid])
    person: Any = next(iter(rows), None)
    if person is None:
        return None
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
