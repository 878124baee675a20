"""What those connected may see, cached, and read again from PostgreSQL every two seconds.

A socket hands on only what these rights allow. They are kept per person, in one query each for all who are connected;
whose epoch moved is told, and whose session ended is closed. Without fresh rights nothing is handed on.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection

from apps.common.auth.live import LiveSession
from apps.tasks.live.frames import CloseCode
from apps.tasks.live.threads import read

REFRESH_EVERY = 2.0
FRESH_FOR = 5.0  # older rights hand nothing on
GIVE_UP_AFTER = 15.0  # without rights for so long, clients are sent away to come back later
DATABASE_AWAY = (OperationalError, InterfaceError)

log = structlog.get_logger(__name__)


class Closable(Protocol):
    """A socket, as far as rights are concerned."""

    session: LiveSession

    def close(self, code: CloseCode) -> None: ...


@dataclass(slots=True)
class Rights:
    """One person's, shared by all their sockets."""

    user_id: int
    name: str
    epoch: int
    project_ids: frozenset[int]
    sockets: set[Closable] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Reader:
    """A person behind one socket. A narrow token (`project_id` set) sees that project and nothing personal."""

    rights: Rights
    narrowed_to: int | None

    @property
    def user_id(self) -> int:
        return self.rights.user_id

    @property
    def project_ids(self) -> frozenset[int]:
        if self.narrowed_to is None:
            return self.rights.project_ids
        return self.rights.project_ids & {self.narrowed_to}

    def sees_project(self, project_id: int) -> bool:
        return project_id in self.rights.project_ids and self.narrowed_to in (None, project_id)

    def sees_task(self, project_id: int | None, people: Collection[int]) -> bool:
        """`people`: the creator and assignees, who alone see a task without a project."""
        if project_id is not None:
            return self.sees_project(project_id)
        return self.narrowed_to is None and self.user_id in people


@dataclass(frozen=True, slots=True)
class RightsNow:
    """What PostgreSQL says of some people and sessions. People who are not active are absent."""

    people: dict[int, tuple[str, int]]  # id to name and epoch
    projects: dict[int, frozenset[int]]
    sids: frozenset[UUID]


def read_rights(user_ids: list[int], sids: list[UUID]) -> RightsNow:
    """One query each. The epoch is read before the projects: a change between them shows as an old epoch, and again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sid FROM live_session WHERE sid = ANY(%s)", [sids])
        live = frozenset(row[0] for row in cursor.fetchall())
        cursor.execute(
            "SELECT id, display_name, access_epoch FROM users_user WHERE id = ANY(%s) AND is_active",
            [user_ids],
        )
        people = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
        cursor.execute("SELECT user_id, project_id FROM project_access WHERE user_id = ANY(%s)", [user_ids])
        projects: defaultdict[int, set[int]] = defaultdict(set)
        for user_id, project_id in cursor.fetchall():
            projects[user_id].add(project_id)
    return RightsNow(people, {user: frozenset(ids) for user, ids in projects.items()}, live)


class RightsBook:
    """The rights of everyone connected to this process. `on_change` is called after a person's rights have moved."""

    def __init__(self, on_change: Callable[[Rights], None]) -> None:
        self._people: dict[int, Rights] = {}
        self._on_change = on_change
        # Readings are applied in the order they were made, or an old one would bring back a right that was taken.
        self._reading = asyncio.Lock()
        self._read_at = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since everyone's rights were last read."""
        return time.monotonic() - self._read_at

    def sockets_of(self, user_id: int) -> int:
        rights = self._people.get(user_id)
        return len(rights.sockets) if rights else 0

    async def join(self, socket: Closable) -> Reader | None:
        """Take a socket in, with rights read now; None if the session or the person ended meanwhile."""
        session = socket.session
        async with self._reading:
            now = await read(read_rights, [session.user_id], [session.sid])
            if session.sid not in now.sids or session.user_id not in now.people:
                return None
            self._apply(now, [session.user_id])
            rights = self._people.get(session.user_id) or self._enter(session.user_id, now)
            rights.sockets.add(socket)
        return Reader(rights, session.project_id)

    def leave(self, socket: Closable) -> None:
        rights = self._people.get(socket.session.user_id)
        if rights is not None:
            rights.sockets.discard(socket)
            if not rights.sockets:
                del self._people[rights.user_id]

    async def renew(self, user_id: int) -> None:
        """Read one person's rights now: before a subscription is judged by them."""
        async with self._reading:
            self._apply(await read(read_rights, [user_id], []), [user_id])

    async def refresh(self) -> None:
        """Read everyone's, tell whose changed, close sockets whose session or person has ended."""
        async with self._reading:
            sockets = [socket for rights in self._people.values() for socket in rights.sockets]
            user_ids = list(self._people)
            if user_ids:
                now = await read(read_rights, user_ids, [socket.session.sid for socket in sockets])
                self._apply(now, user_ids)
                for socket in sockets:
                    if socket.session.sid not in now.sids:
                        socket.close(CloseCode.NOT_SIGNED_IN)
            self._read_at = time.monotonic()

    async def keep_fresh(self) -> None:
        """Refresh for ever; a database that is away is waited for."""
        while True:
            await asyncio.sleep(REFRESH_EVERY)
            try:
                await self.refresh()
            except DATABASE_AWAY as problem:
                log.warning("live_rights_not_read", age=round(self.age, 1), problem=str(problem))
                if self.age > GIVE_UP_AFTER:
                    self._send_everyone_away()

    def _enter(self, user_id: int, now: RightsNow) -> Rights:
        name, epoch = now.people[user_id]
        rights = Rights(user_id, name, epoch, now.projects.get(user_id, frozenset()))
        self._people[user_id] = rights
        return rights

    def _apply(self, now: RightsNow, user_ids: list[int]) -> None:
        for user_id in user_ids:
            rights = self._people.get(user_id)
            if rights is not None:
                name, epoch = now.people.get(user_id, (rights.name, rights.epoch))
                projects = now.projects.get(user_id, frozenset())
                # A project just made widens the view without moving the epoch; its events tell all there is to it.
                moved = epoch != rights.epoch or not projects >= rights.project_ids
                rights.name, rights.epoch, rights.project_ids = name, epoch, projects
                if moved:
                    self._on_change(rights)

    def _send_everyone_away(self) -> None:
        for rights in list(self._people.values()):
            for socket in list(rights.sockets):
                socket.close(CloseCode.TRY_LATER)
