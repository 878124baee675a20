"""The known cast, and how one of them asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import Client
from rest_framework.test import APIClient

from apps.common.auth.live import SID
from apps.common.auth.middleware import TOUCHED
from apps.common.auth.tokens import AccessToken, new_token
from apps.users.models import Session, Team, User
from apps.users.tests.factories import make_session, make_team, make_user


@dataclass(frozen=True, slots=True)
class Cast:
    """Everyone but the outsider is in `team`; the guest is in `project` (a Project) as well."""

    owner: User
    admin: User
    member: User
    guest: User
    outsider: User
    team: Team
    project: Any

    @property
    def insiders(self) -> tuple[User, ...]:
        return self.owner, self.admin, self.member, self.guest


def make_cast() -> Cast:
    from apps.tasks.tests.factories import make_project

    owner, admin, member, guest = (make_user(name) for name in ("Olga", "Adam", "Mina", "Gustav"))
    team = make_team(owner, admin=admin, member=member, guest=guest)
    project = make_project(owner, team, guest=guest)
    return Cast(owner, admin, member, guest, make_user("Oskar"), team, project)


def browser_of(person: User | None = None, **options: Any) -> Client:
    """A browser in which this person is signed in: the cookie is what signing in by the form would set."""
    browser = Client(**options)
    if person is not None:
        store = SessionStore()
        store[SID] = str(make_session(person, kind=Session.Kind.WEB).sid)
        store[TOUCHED] = int(time.time())
        store.save()
        browser.cookies[settings.SESSION_COOKIE_NAME] = store.session_key
    return browser


def client_of(person: User | None = None) -> APIClient:
    """A client that signs every request with a token as it would get by signing in."""
    client = APIClient()
    if person is not None:
        session = make_session(person)
        token = new_token(AccessToken, public_id=person.public_id, sid=session.sid)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client
