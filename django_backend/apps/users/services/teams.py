"""All writes of teams and their members."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.common.errors import Conflict, Forbidden, Invalid, NotFound
from apps.common.events.record import record
from apps.users.events import member_added, member_removed, member_role_changed, team_created
from apps.users.models import Role, Team, TeamMember, User
from apps.users.policies import require_can_change, require_can_give, require_member
from apps.users.selectors import MAX_ID
from apps.users.services.locking import lock_team, lock_user, move_access_epoch

SLUG_LENGTH = 40


class AlreadyMember(Conflict):
    code = "already_member"
    title = "This person is in the team already"


class LastOwner(Conflict):
    code = "last_owner"
    title = "A team keeps at least one owner"


@transaction.atomic
def create_team(*, actor: User, name: str, slug: str | None = None, time_zone: str = "UTC") -> Team:
    """Make a team; whoever makes it owns it. Raises Invalid, also for a slug that is taken."""
    user = lock_user(actor.pk)
    if actor.narrowed_to is not None or user.is_service:
        raise Forbidden("A token of a project or a service makes no team.", code="scope_too_narrow")
    team = Team(name=name.strip(), slug=slug or _slug_for(name), time_zone=time_zone, version=2)
    _insert(team, slug_is_given=slug is not None)
    at = timezone.now()
    TeamMember.objects.create(team=team, user=actor, role=Role.OWNER)
    move_access_epoch(actor.pk)
    record(
        team_created(team, actor=actor, at=at),
        member_added(team, actor, Role.OWNER, actor=actor, at=at, version=2),
    )
    return team


@transaction.atomic
def add_team_member(*, actor: User, team_id: int, user_id: int, role: str) -> TeamMember:
    """Take somebody into the team; admins may, and only an owner makes an owner.

    Raises NotFound for a team that is not the actor's, Forbidden, Invalid, AlreadyMember.
    """
    require_known_role(role)
    people = User.objects.select_for_update(no_key=True, of=("self",))
    person = people.filter(pk=user_id, is_active=True).first() if 0 < user_id <= MAX_ID else None
    team = lock_team(team_id)
    require_can_give(actor, team, Role(role))
    if person is None:
        raise Invalid(fields={"user": ["There is nobody of that name here."]})
    return join_team(team, person, role, actor=actor, at=timezone.now())


@transaction.atomic
def change_member_role(*, actor: User, team_id: int, user_id: int, role: str) -> TeamMember:
    """Admins change those who hold no more than they, to no more than they hold; the last owner stays one.

    Raises NotFound, Forbidden, Invalid, LastOwner. The same role again states no fact.
    """
    require_known_role(role)
    team, member = _lock_member(actor, team_id, user_id)
    require_can_change(actor, team, member)
    require_can_give(actor, team, Role(role))
    if member.role == role:
        return member
    old = member.role
    if old == Role.OWNER:
        _require_another_owner(team, user_id)
    member.role = role
    member.save(update_fields=["role"])
    _next_version(team)
    move_access_epoch(user_id)
    record(member_role_changed(team, user_id, old, role, actor=actor, at=timezone.now()))
    return member


@transaction.atomic
def remove_member(*, actor: User, team_id: int, user_id: int) -> None:
    """Leave a team, or take somebody out of it who holds no more than oneself.

    Raises NotFound, Forbidden, LastOwner.
    """
    team, member = _lock_member(actor, team_id, user_id)
    if user_id != actor.pk:
        require_can_change(actor, team, member)
    if member.role == Role.OWNER:
        _require_another_owner(team, user_id)
    member.delete()
    _next_version(team)
    move_access_epoch(user_id)
    record(member_removed(team, user_id, actor=actor, at=timezone.now()))


def require_not_last_owner(user: User) -> None:
    """Raise LastOwner where a team would be left without anybody who owns it. Its teams stay locked: two owners who go
    at once wait for each other.
    """
    owned = (
        user.team_memberships.filter(role=Role.OWNER).order_by("team_id").values_list("team_id", flat=True)
    )
    for team_id in list(owned):
        _require_another_owner(lock_team(team_id), user.pk)


def require_known_role(role: str) -> None:
    if role not in Role.values:
        raise Invalid(fields={"role": [f"Use one of: {', '.join(Role.values)}."]})


def _lock_member(actor: User, team_id: int, user_id: int) -> tuple[Team, TeamMember]:
    """Person and team locked, in this order; what the actor can't see is absent."""
    if not 0 < user_id <= MAX_ID:
        raise NotFound
    User.objects.select_for_update(no_key=True, of=("self",)).filter(pk=user_id).first()
    team = lock_team(team_id)
    require_member(actor, team)
    member = team.memberships.select_related("user").filter(user_id=user_id).first()
    if member is None:
        raise NotFound
    return team, member


def _require_another_owner(team: Team, user_id: int) -> None:
    others = team.memberships.filter(role=Role.OWNER, user__is_active=True).exclude(user_id=user_id)
    if not others.exists():
        raise LastOwner(f"{team.name} would be left without an owner. Make somebody else its owner first.")


def _next_version(team: Team) -> None:
    team.version += 1
    team.save(update_fields=["version"])


def join_team(team: Team, person: User, role: str, *, actor: User, at: datetime) -> TeamMember:
    """Within the caller's transaction, who has locked both and asked the policy. Raises AlreadyMember."""
    membership, is_new = TeamMember.objects.get_or_create(team=team, user=person, defaults={"role": role})
    if not is_new:
        raise AlreadyMember
    _next_version(team)
    move_access_epoch(person.pk)
    record(member_added(team, person, role, actor=actor, at=at, version=team.version))
    return membership


def _slug_for(name: str) -> str:
    """Readable, and never in the way of another team's."""
    return f"{slugify(name)[:SLUG_LENGTH] or 'team'}-{secrets.token_hex(3)}"


def _insert(team: Team, *, slug_is_given: bool) -> None:
    try:
        team.clean_fields()
        with transaction.atomic():
            team.save(force_insert=True)
    except ValidationError as problem:
        raise Invalid(fields={name: list(texts) for name, texts in problem.message_dict.items()}) from problem
    except IntegrityError as problem:
        if not slug_is_given:
            raise
        raise Invalid(fields={"slug": ["Another team has this short name."]}) from problem
