"""Reads of people and teams, for screens, endpoints and services. The reader comes first and limits what is seen."""

from __future__ import annotations

from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower
from django.utils import timezone

from apps.common.errors import Forbidden, NotFound
from apps.users.models import AccountLink, ApiToken, Role, Session, Team, TeamMember, User
from apps.users.policies import can_manage_members, role_in_team

MAX_ID = 2**63 - 1


def find_by_sign_in_name(name: str) -> User | None:
    """The person with this e-mail address or user name, without case. (A user name holds no @.)"""
    if "\x00" in name:
        return None
    column = "email" if "@" in name else "username"
    people = User.objects.alias(low=Lower(column))
    return people.filter(low=Lower(Value(name.strip()))).first()


def people_known_to(reader: User) -> QuerySet[User]:
    """The reader and those who share a team with them; the reader alone in a session that is good for one project."""
    if reader.narrowed_to is not None:
        return User.objects.filter(pk=reader.pk)
    shared = TeamMember.objects.filter(team__memberships__user=reader).values("user_id")
    return User.objects.filter(pk__in=shared) | User.objects.filter(pk=reader.pk)


def get_person(reader: User, person_id: int) -> User:
    """Somebody the reader shares a team with, or themselves; raises NotFound."""
    person = people_known_to(reader).filter(pk=person_id).first() if 0 < person_id <= MAX_ID else None
    if person is None:
        raise NotFound
    return person


def teams_of(reader: User) -> QuerySet[Team]:
    if reader.narrowed_to is not None:
        return Team.objects.none()
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


def get_member(reader: User, team_id: int, user_id: int) -> TeamMember:
    member = members_of(reader, team_id).filter(user_id=user_id).first() if 0 < user_id <= MAX_ID else None
    if member is None:
        raise NotFound
    return member


def open_invitations(reader: User, team_id: int) -> QuerySet[AccountLink]:
    """What may still be accepted, newest first; for those who manage members. Raises NotFound or Forbidden."""
    team, role = get_team(reader, team_id)
    if not can_manage_members(role):
        raise Forbidden("This takes the role admin.")
    return team.invitations.filter(
        used_at__isnull=True, revoked_at__isnull=True, expires_at__gt=timezone.now()
    ).select_related("made_by")


def live_tokens_of(person: User) -> QuerySet[ApiToken]:
    """API tokens that were not revoked, newest first; those that have ended stay in sight until they are removed."""
    tokens = ApiToken.objects.filter(session__user=person, session__ended_at__isnull=True)
    return tokens.select_related("session", "made_by").order_by("-session__started_at", "session_id")


def service_tokens_of(reader: User, team_id: int) -> QuerySet[ApiToken]:
    """Tokens of the team's robots, for those who manage members. Raises NotFound or Forbidden."""
    team, role = get_team(reader, team_id)
    if not can_manage_members(role):
        raise Forbidden("This takes the role admin.")
    tokens = ApiToken.objects.filter(session__user__service_of=team, session__ended_at__isnull=True)
    return tokens.select_related("session__user", "made_by").order_by("-session__started_at", "session_id")


def reaches_project(person_id: int, project_id: int) -> bool:
    """Whether the one definition of rights gives them any role there. Projects belong to a later app, hence SQL."""
    if not 0 < project_id <= MAX_ID:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM project_access WHERE user_id = %s AND project_id = %s", [person_id, project_id]
        )
        return cursor.fetchone() is not None


def live_sessions_of(person: User) -> QuerySet[Session]:
    """Sign-ins that hold, latest used first; API tokens are listed by themselves."""
    now = timezone.now()
    return (
        Session.objects.filter(user=person, ended_at__isnull=True, expires_at__gt=now, idle_until__gt=now)
        .exclude(kind=Session.Kind.TOKEN)
        .order_by("-last_used_at", "sid")
    )


def has_an_operator() -> bool:
    """Whether anybody runs this install yet."""
    return User.objects.filter(is_staff=True, is_active=True).exists()
