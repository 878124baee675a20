"""Invitations to a team: a link that its maker hands over, or one that is mailed and so proves the address."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from apps.common.errors import Forbidden, Invalid, NotFound
from apps.users.models import AccountLink, Role, Team, TeamMember, User
from apps.users.policies import can_give, require_can_give, role_in_team
from apps.users.services import limits
from apps.users.services.accounts import RegistrationClosed, add_person
from apps.users.services.links import LinkNotGood, Purpose, address_of_link, find_link, make_link, spend_link
from apps.users.services.locking import lock_team, lock_user
from apps.users.services.mails import Kind, queue_mail
from apps.users.services.teams import AlreadyMember, join_team, require_known_role


@dataclass(frozen=True, slots=True)
class Invitation:
    """`address` is the link to hand over, shown this once; None where it was mailed."""

    link: AccountLink
    address: str | None


def invite_to_team(*, actor: User, team_id: int, role: str, email: str = "") -> Invitation:
    """Make a link into the team. With `email` it is mailed there and nobody else sees it; whether somebody with that
    address is here already, the answer does not tell.

    Raises NotFound, Forbidden, Invalid for `role` or `email`, TooManyRequests.
    """
    require_known_role(role)
    wanted = email.strip()
    if wanted:
        _require_address(wanted)
    limits.enforce(limits.INVITE, actor.pk)
    with transaction.atomic():
        team = lock_team(team_id)
        require_can_give(actor, team, Role(role))
        link = make_link(Purpose.INVITE, team=team, role=role, made_by=actor, email=wanted)
        if wanted:
            queue_mail(Kind.INVITE, wanted, link=link)
    return Invitation(link, None if wanted else address_of_link(link))


@transaction.atomic
def revoke_invitation(*, actor: User, team_id: int, invitation_id: UUID) -> None:
    """Take an invitation back; one that was used, is too old or was taken back is no longer there (NotFound)."""
    team = lock_team(team_id)
    require_can_give(actor, team, Role.GUEST)
    open_ones = AccountLink.objects.filter(
        pk=invitation_id,
        team=team,
        purpose=Purpose.INVITE,
        used_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
    )
    if not open_ones.update(revoked_at=timezone.now()):
        raise NotFound


def find_invitation(secret: str) -> AccountLink:
    """The invitation, to show before it is accepted; raises LinkNotGood, also where its maker may no longer invite."""
    link = find_link(Purpose.INVITE, secret)
    _require_maker(link)
    return link


@transaction.atomic
def accept_invitation(*, actor: User, secret: str) -> TeamMember:
    """Join by a link, as somebody who has an account. Raises LinkNotGood, AlreadyMember (which spends nothing), or
    Forbidden where it was mailed to an address that is not the actor's.
    """
    user = lock_user(actor.pk)
    if actor.narrowed_to is not None or user.is_service:
        raise Forbidden("A token of a project or a service joins no team.", code="scope_too_narrow")
    link = spend_link(Purpose.INVITE, secret)
    if link.email and link.email.lower() != user.email.lower():
        raise Forbidden(
            "This invitation was mailed to another address. Sign in as its owner, or ask for a link.",
            code="invitation_for_another",
        )
    return _join(link, user)


def register_invited(
    *,
    secret: str,
    username: str,
    display_name: str,
    password: str,
    email: str = "",
    address: str | None = None,
) -> tuple[User, TeamMember]:
    """Make an account by an invitation, and join. A mailed one fixes the address, which it has proved.

    Raises LinkNotGood, RegistrationClosed, TooManyRequests or Invalid, which spends nothing.
    """
    if settings.REGISTRATION == "closed":
        raise RegistrationClosed
    limits.enforce(limits.REGISTER, limits.network_of(address))
    with transaction.atomic():
        link = spend_link(Purpose.INVITE, secret)
        user = add_person(
            email=link.email or email,
            username=username,
            display_name=display_name,
            password=password,
            how="invited",
            is_verified=bool(link.email),
        )
        return user, _join(link, user)


def _join(link: AccountLink, user: User) -> TeamMember:
    team = lock_team(link.team_id or 0)
    _require_maker(link)
    if TeamMember.objects.filter(team=team, user=user).exists():
        raise AlreadyMember
    maker = link.made_by
    assert maker is not None
    return join_team(team, user, link.role, actor=maker, at=timezone.now())


def _require_maker(link: AccountLink) -> None:
    """An invitation is worth what its maker may still give."""
    maker, team = link.made_by, link.team
    if (
        maker is None
        or not isinstance(team, Team)
        or not can_give(role_in_team(maker, team.pk), Role(link.role))
    ):
        raise LinkNotGood


def _require_address(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as problem:
        raise Invalid(fields={"email": list(problem.messages)}) from problem
