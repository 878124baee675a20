"""API tokens: of people, for their scripts, and of a team's robots, which stay when people leave."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from apps.common.auth.live import TOKEN_PREFIX, LiveSession, digest_of
from apps.common.auth.tokens import EXCHANGED_LIFETIME, ExchangedToken, new_token
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.events.record import record
from apps.users.events import token_created, token_revoked, user_deactivated, user_registered
from apps.users.models import ApiToken, Role, Session, Team, User
from apps.users.policies import require_can_give
from apps.users.selectors import live_tokens_of, reaches_project, service_tokens_of
from apps.users.services.accounts import save_person
from apps.users.services.locking import lock_team, lock_user, move_access_epoch, next_user_version
from apps.users.services.teams import join_team

NAME_LENGTH = 60
LONGEST_DAYS = 366
MOST_TOKENS = 50
SERVICE_ROLES = (Role.MEMBER, Role.GUEST)


class TooManyTokens(Conflict):
    code = "too_many_tokens"
    title = f"There are {MOST_TOKENS} tokens already. Revoke one that is not used any more"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is to be good for."""

    name: str
    scope: str
    days: int
    project_id: int | None = None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """`secret` is the token itself, shown this once."""

    token: ApiToken
    secret: str


@transaction.atomic
def create_token(*, actor: User, wish: Wish) -> MadeToken:
    """A token that acts as its owner, within its scope and project. Raises Invalid, TooManyTokens."""
    _check(wish)
    user = lock_user(actor.pk)
    if live_tokens_of(user).count() >= MOST_TOKENS:
        raise TooManyTokens
    _require_project(user, wish)
    made = _make(user, wish, made_by=user)
    next_user_version(user)
    record(token_created(made.token.session, actor=user))
    return made


@transaction.atomic
def create_service_token(*, actor: User, team_id: int, wish: Wish, role: str = Role.MEMBER) -> MadeToken:
    """A robot of the team's, with one token: it acts in its own name. Admins of the team may.

    Raises NotFound, Forbidden, Invalid, TooManyTokens.
    """
    _check(wish)
    if role not in SERVICE_ROLES:
        raise Invalid(fields={"role": ["A robot is a member or a guest."]})
    team = lock_team(team_id)
    require_can_give(actor, team, Role(role))
    if service_tokens_of(actor, team.pk).count() >= MOST_TOKENS:
        raise TooManyTokens
    robot = _make_robot(team, wish.name)
    join_team(team, robot, role, actor=actor, at=timezone.now())
    _require_project(robot, wish)
    made = _make(robot, wish, made_by=actor)
    next_user_version(robot)
    record(token_created(made.token.session, actor=actor))
    return made


@transaction.atomic
def revoke_token(*, actor: User, sid: UUID) -> None:
    """End a token of one's own; raises NotFound for any other."""
    if not live_tokens_of(actor).filter(pk=sid).exists():
        raise NotFound
    end_tokens(lock_user(actor.pk), because="revoked", actor=actor, only=sid)


@transaction.atomic
def revoke_service_token(*, actor: User, team_id: int, sid: UUID) -> None:
    """End a robot's token, and with it the robot. Raises NotFound, Forbidden."""
    token = service_tokens_of(actor, team_id).filter(pk=sid).first()
    if token is None:
        raise NotFound
    robot = lock_user(token.session.user_id)
    end_tokens(robot, because="revoked", actor=actor)
    if robot.is_active:
        robot.is_active = False
        next_user_version(robot, "is_active")
        move_access_epoch(robot.pk)
        record(user_deactivated(robot, actor=actor))


def end_tokens(user: User, *, because: str, actor: User | None, only: UUID | None = None) -> int:
    """End the locked person's tokens, or one of them, one fact each; within the caller's transaction."""
    live = Session.objects.filter(user=user, kind=Session.Kind.TOKEN, ended_at__isnull=True)
    ending = list((live.filter(sid=only) if only else live).order_by("sid"))
    for session in ending:
        session.user = user
        session.ended_at, session.ended_because = timezone.now(), because
        session.save(update_fields=["ended_at", "ended_because"])
        next_user_version(user)
        record(token_revoked(session, actor=actor))
    return len(ending)


def exchange_token(*, actor: User, live: LiveSession) -> tuple[str, int]:
    """A signed access token of the same session, for services that know no opaque ones, and its life in seconds."""
    signed = new_token(ExchangedToken, public_id=actor.public_id, sid=live.sid)
    return str(signed), int(EXCHANGED_LIFETIME.total_seconds())


def _check(wish: Wish) -> None:
    fields: dict[str, list[str]] = {}
    name = " ".join(wish.name.replace("\x00", " ").split())
    if not name or len(name) > NAME_LENGTH:
        fields["name"] = [f"Give it a name of at most {NAME_LENGTH} characters."]
    if wish.scope not in Session.Scope.values:
        fields["scope"] = [f"Use one of: {', '.join(Session.Scope.values)}."]
    if not 1 <= wish.days <= LONGEST_DAYS:
        fields["days"] = [f"A token ends after 1 to {LONGEST_DAYS} days."]
    if fields:
        raise Invalid(fields=fields)


def _require_project(owner: User, wish: Wish) -> None:
    """An absent project and one that is out of the owner's sight answer alike."""
    if wish.project_id is not None and not reaches_project(owner.pk, wish.project_id):
        raise Invalid(fields={"project": ["There is no such project."]}, code="unknown_project")


def _make(owner: User, wish: Wish, *, made_by: User) -> MadeToken:
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = timezone.now()
    ends = now + timedelta(days=wish.days)
    session = Session.objects.create(
        user=owner,
        kind=Session.Kind.TOKEN,
        scope=wish.scope,
        project_id=wish.project_id,
        started_at=now,
        last_used_at=now,
        idle_until=ends,
        expires_at=ends,
    )
    token = ApiToken.objects.create(
        session=session,
        name=" ".join(wish.name.split()),
        digest=digest_of(secret),
        ending=secret[-4:],
        made_by=made_by,
    )
    return MadeToken(token, secret)


def _make_robot(team: Team, name: str) -> User:
    """It has no password, and an address that reaches nobody."""
    username = f"robot-{secrets.token_hex(6)}"
    robot = User(
        email=f"{username}@service.invalid",
        username=username,
        display_name=" ".join(name.split()),
        password=make_password(None),
        service_of=team,
        time_zone=team.time_zone,
        version=1,
    )
    save_person(robot)
    record(user_registered(robot, "service"))
    return robot
