"""All writes of teams and their members."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.common.errors import Conflict, Invalid
from apps.common.events.record import record
from apps.users.events import member_added, team_created
from apps.users.models import Role, Team, TeamMember, User
from apps.users.policies import require_can_give
from apps.users.selectors import MAX_ID
from apps.users.services.locking import lock_team, lock_user, move_access_epoch

SLUG_LENGTH = 40


class AlreadyMember(Conflict):
    code = "already_member"
    title = "This person is in the team already"


@transaction.atomic
def create_team(*, actor: User, name: str, slug: str | None = None, time_zone: str = "UTC") -> Team:
    """Make a team; whoever makes it owns it. Raises Invalid, also for a slug that is taken."""
    lock_user(actor.pk)
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
    if role not in Role.values:
        raise Invalid(fields={"role": [f"Use one of: {', '.join(Role.values)}."]})
    people = User.objects.select_for_update(no_key=True, of=("self",))
    person = people.filter(pk=user_id, is_active=True).first() if 0 < user_id <= MAX_ID else None
    team = lock_team(team_id)
    require_can_give(actor, team, Role(role))
    if person is None:
        raise Invalid(fields={"user": ["There is nobody of that name here."]})
    return _join(team, person, role, actor=actor, at=timezone.now())


def _join(team: Team, person: User, role: str, *, actor: User, at: datetime) -> TeamMember:
    membership, is_new = TeamMember.objects.get_or_create(team=team, user=person, defaults={"role": role})
    if not is_new:
        raise AlreadyMember
    team.version += 1
    team.save(update_fields=["version"])
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
