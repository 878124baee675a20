"""Reads of people and teams, for screens, endpoints and services. The reader comes first and limits what is seen."""

from __future__ import annotations

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from apps.common.errors import NotFound
from apps.users.models import Role, Session, Team, TeamMember, User
from apps.users.policies import role_in_team

MAX_ID = 2**63 - 1


def find_by_sign_in_name(name: str) -> User | None:
    """The person with this e-mail address or user name, without case. (A user name holds no @.)"""
    if "\x00" in name:
        return None
    column = "email" if "@" in name else "username"
    people = User.objects.alias(low=Lower(column))
    return people.filter(low=Lower(Value(name.strip()))).first()


def people_known_to(reader: User) -> QuerySet[User]:
    """The reader and those who share a team with them."""
    shared = TeamMember.objects.filter(team__memberships__user=reader).values("user_id")
    return User.objects.filter(pk__in=shared) | User.objects.filter(pk=reader.pk)


def teams_of(reader: User) -> QuerySet[Team]:
    return Team.objects.filter(memberships__user=reader)


def get_team(reader: User, team_id: int) -> tuple[Team, Role]:
    """The team and the reader's role in it; raises NotFound for a team that is absent or not theirs."""
    role = role_in_team(reader, team_id) if 0 < team_id <= MAX_ID else None
    if role is None:
        raise NotFound
    return Team.objects.get(pk=team_id), role


def members_of(reader: User, team_id: int) -> QuerySet[TeamMember]:
    team, _ = get_team(reader, team_id)
    return team.memberships.select_related("user")


def live_sessions_of(person: User) -> QuerySet[Session]:
    return Session.objects.filter(user=person, ended_at__isnull=True)


def has_an_operator() -> bool:
    """Whether anybody runs this install yet."""
    return User.objects.filter(is_staff=True, is_active=True).exists()
