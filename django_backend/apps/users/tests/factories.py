"""People and teams for tests, made by the services, so that their events and versions are right."""

from __future__ import annotations

from functools import cache
from itertools import count

from django.contrib.auth.hashers import make_password
from django.db import transaction

from apps.common.events.record import record
from apps.users.events import user_registered
from apps.users.models import Role, Session, Team, User
from apps.users.services.sessions import begin_session
from apps.users.services.teams import add_team_member, create_team

PASSWORD = "correct horse battery staple"
numbers = count(1)


@transaction.atomic
def make_user(name: str | None = None, *, password: str | None = None, is_staff: bool = False) -> User:
    """A person, by default without a usable password: hashing one takes as long as the rest of a test."""
    username = (name or f"person{next(numbers)}").lower()
    user = User.objects.create(
        email=f"{username}@lantern.example",
        username=username,
        display_name=username.capitalize(),
        password=hash_of(password),
        is_staff=is_staff,
        version=1,
    )
    record(user_registered(user, "open"))
    return user


@cache
def hash_of(password: str | None) -> str:
    """Hashing is made to take long; the same password may have the same hash in tests."""
    return make_password(password)


def make_team(owner: User, name: str = "Lantern", **members: User) -> Team:
    """A team of `owner`'s; `members` maps roles to people: make_team(anna, member=bert)."""
    team = create_team(actor=owner, name=name)
    for role, person in members.items():
        add_team_member(actor=owner, team_id=team.pk, user_id=person.pk, role=Role(role))
    return team


def make_session(user: User, kind: str = Session.Kind.API) -> Session:
    return begin_session(actor=user, kind=kind)
