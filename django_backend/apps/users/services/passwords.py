"""Passwords: changed by their owner, or set anew by a link that was mailed."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from apps.common.errors import Invalid
from apps.common.events.record import record
from apps.users.events import user_updated
from apps.users.models import User
from apps.users.services import limits
from apps.users.services.accounts import wrong_password
from apps.users.services.links import LinkNotGood, Purpose, revoke_links, spend_link
from apps.users.services.locking import lock_user, next_user_version
from apps.users.services.mails import Kind, queue_mail
from apps.users.services.sessions import end_sign_ins
from apps.users.services.step_up import Proof, lock_proved, require_proof

LONGEST_ADDRESS = 254


def request_password_reset(*, email: str, address: str | None = None) -> None:
    """Have a link mailed to this address, if it is somebody's. Whether it is, neither answer nor time tells: the same
    row is written either way, and the worker looks.

    Raises TooManyRequests, by where it comes from (`address`) and by the address asked for.
    """
    wanted = email.strip().replace("\x00", "")[:LONGEST_ADDRESS]
    limits.take_all(
        [
            limits.Allowance(limits.RESET_BY_ADDRESS, limits.network_of(address)),
            limits.Allowance(limits.RESET_BY_ACCOUNT, wanted.lower()),
        ]
    )
    with transaction.atomic():
        queue_mail(Kind.RESET, wanted)


@transaction.atomic
def reset_password(*, secret: str, password: str) -> User:
    """Set a new password by a mailed link, which also proves the address. Everybody signed in as them is signed out;
    they sign in anew, with their second step where they have one.

    Raises LinkNotGood or Invalid, which does not spend the link.
    """
    link = spend_link(Purpose.RESET, secret)
    user = lock_user(link.user_id or 0)
    if not user.is_active or user.email != link.email:
        raise LinkNotGood
    _set_password(user, password)
    fields = ["password"]
    if user.email_verified_at is None:
        user.email_verified_at = timezone.now()
        fields.append("email_verified")
    _save(user, *fields)
    end_sign_ins(user, because="password reset", actor=user)
    return user


def change_password(*, actor: User, proof: Proof, password: str, keep: UUID | None = None) -> None:
    """One's own password, proved by the present one; every other sign-in than `keep` ends.

    Raises TooManyRequests, Invalid for `current_password` or `password`.
    """
    require_proof(actor, proof)
    with transaction.atomic():
        user = lock_proved(actor)
        _set_password(user, password)
        _save(user, "password")
        end_sign_ins(user, because="password changed", actor=user, keep=keep)


def _set_password(user: User, password: str) -> None:
    fields = wrong_password(password, user)
    if fields:
        raise Invalid(fields=fields)
    user.password = make_password(password)


def _save(user: User, *fields: str) -> None:
    next_user_version(user, "password", "email_verified_at")
    record(user_updated(user, *fields, actor=user))
    # Who knew the old password may have asked for another address: that must not outlive it.
    revoke_links(user.pk, Purpose.RESET, Purpose.CHANGE_EMAIL)
    queue_mail(Kind.PASSWORD_CHANGED, user.email, user=user)
