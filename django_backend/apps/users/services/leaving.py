"""People leave: their sign-ins and tokens end; what they did keeps their name, until they ask to be erased."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from apps.common.errors import Conflict, NotFound
from apps.common.events.record import record
from apps.users.events import user_deactivated, user_erased, user_reactivated
from apps.users.models import AccountLink, AccountMail, RecoveryCode, SecondFactor, Session, User
from apps.users.policies import require_can_end
from apps.users.services.api_tokens import end_tokens
from apps.users.services.links import Purpose, revoke_links
from apps.users.services.locking import lock_user, move_access_epoch, next_user_version
from apps.users.services.sessions import end_sign_ins
from apps.users.services.teams import require_not_last_owner

ERASED_NAME = "Somebody who left"


class Erased(Conflict):
    code = "erased"
    title = "This person was erased and does not come back"


@transaction.atomic
def deactivate_user(*, actor: User, user_id: int) -> User:
    """End all access of somebody: one's own, or as an operator anybody's. Again changes nothing.

    Raises NotFound, Forbidden, or LastOwner where a team would be left without an owner.
    """
    user = lock_user(user_id)
    require_can_end(actor, user)
    if user.is_active:
        require_not_last_owner(user)
        _end_access(user, because="deactivated", actor=actor)
    return user


@transaction.atomic
def reactivate_user(*, actor: User, user_id: int) -> User:
    """Let somebody sign in again, as an operator; what ended stays ended. Raises NotFound, Erased."""
    if not actor.is_staff:
        raise NotFound
    user = lock_user(user_id)
    if user.erased_at is not None:
        raise Erased
    if not user.is_active:
        user.is_active = True
        next_user_version(user, "is_active")
        move_access_epoch(user.pk)
        record(user_reactivated(user, actor=actor))
    return user


def erase_account(user: User, *, actor: User) -> None:
    """Take the locked person's name, addresses and secrets away; within the caller's transaction, who has asked the
    policy and takes away what they wrote (apps.tasks.services.erasure). Their row and id stay: facts point at them.
    """
    if user.is_active:
        require_not_last_owner(user)
        _end_access(user, because="erased", actor=actor)
    former = user.email
    user.email, user.username = f"erased-{user.pk}@erased.invalid", f"erased-{user.pk}"
    user.display_name, user.password = ERASED_NAME, make_password(None)
    user.time_zone, user.language = "UTC", "en"
    user.email_verified_at, user.last_login, user.is_staff = None, None, False
    user.erased_at = timezone.now()
    next_user_version(
        user,
        "email",
        "username",
        "display_name",
        "password",
        "time_zone",
        "language",
        "email_verified_at",
        "last_login",
        "is_staff",
        "erased_at",
    )
    _forget_traces(user, former)
    record(user_erased(user, actor=actor))


def _end_access(user: User, *, because: str, actor: User) -> None:
    end_sign_ins(user, because=because, actor=actor)
    end_tokens(user, because=because, actor=actor)
    revoke_links(user.pk, *Purpose)
    user.is_active = False
    next_user_version(user, "is_active")
    move_access_epoch(user.pk)
    record(user_deactivated(user, actor=actor))


def _forget_traces(user: User, former_email: str) -> None:
    """What tables hold of them beside their own row."""
    Session.objects.filter(user=user).update(user_agent="", address=None)
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    AccountMail.objects.filter(user=user).delete()
    AccountMail.objects.filter(address__iexact=former_email).delete()
    AccountLink.objects.filter(user=user).delete()
    AccountLink.objects.filter(purpose=Purpose.INVITE, email__iexact=former_email).delete()
