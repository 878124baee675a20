"""Who may do what with teams and their people. Projects and tasks have theirs in apps.tasks."""

from __future__ import annotations

from apps.common.errors import Forbidden, NotFound
from apps.users.models import ROLE_RANK, Role, Team, TeamMember, User


def role_in_team(person: User, team_id: int) -> Role | None:
    """The person's role in the team, None for outsiders, for people who were deactivated, and for a session that is
    good for one project only.
    """
    if person.narrowed_to is not None:
        return None
    found = TeamMember.objects.filter(team_id=team_id, user_id=person.pk, user__is_active=True)
    role = found.values_list("role", flat=True).first()
    return Role(role) if role else None


def can_manage_members(role: Role | None) -> bool:
    return role in (Role.ADMIN, Role.OWNER)


def can_give(own: Role | None, given: Role) -> bool:
    """Nobody hands out more than they hold."""
    return can_manage_members(own) and own is not None and ROLE_RANK[own] >= ROLE_RANK[given]


def require_member(person: User, team: Team) -> Role:
    """Raise NotFound for a team that the person is not in."""
    role = role_in_team(person, team.pk)
    if role is None:
        raise NotFound
    return role


def require_can_give(person: User, team: Team, given: Role) -> None:
    own = require_member(person, team)
    if not can_give(own, given):
        raise Forbidden("This takes the role admin, and an owner to make an owner.")


def require_can_end(person: User, other: User) -> None:
    """Raise NotFound unless the person may deactivate or erase the other: themselves, or as an operator anybody."""
    if person.pk != other.pk and not person.is_staff:
        raise NotFound


def require_can_change(person: User, team: Team, member: TeamMember) -> None:
    """Raise Forbidden unless the person may change or remove this member: admins those who hold no more than they."""
    require_can_give(person, team, Role(member.role))
