"""Addresses: proved by a mailed link, changed only by one."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from apps.common.errors import Conflict, Invalid
from apps.common.events.record import record
from apps.users.events import user_updated
from apps.users.models import User
from apps.users.services import limits
from apps.users.services.accounts import ask_to_verify, save_person
from apps.users.services.links import LinkNotGood, Purpose, make_link, revoke_links, spend_link
from apps.users.services.locking import lock_user, next_user_version
from apps.users.services.mails import Kind, queue_mail
from apps.users.services.step_up import Proof, lock_proved, require_proof


class AlreadyVerified(Conflict):
    code = "already_verified"
    title = "This address is verified already"


def send_verification(*, actor: User) -> None:
    """Mail the link once more. Raises AlreadyVerified, TooManyRequests."""
    if actor.email_verified_at is not None:
        raise AlreadyVerified
    limits.enforce(limits.MAIL_ME, actor.pk)
    with transaction.atomic():
        ask_to_verify(lock_user(actor.pk))


@transaction.atomic
def verify_email(*, secret: str) -> User:
    """The person reads the address that the link was mailed to. Raises LinkNotGood."""
    link = spend_link(Purpose.VERIFY, secret)
    user = lock_user(link.user_id or 0)
    if not user.is_active or user.email != link.email or user.email_verified_at is not None:
        raise LinkNotGood
    user.email_verified_at = timezone.now()
    next_user_version(user, "email_verified_at")
    record(user_updated(user, "email_verified", actor=user))
    return user


def request_email_change(*, actor: User, email: str, proof: Proof) -> None:
    """Mail a link to the new address; nothing changes until it is used. Whether somebody else has the address, the
    answer does not tell: then no mail goes out.

    Raises Invalid for `email` or `current_password`, TooManyRequests.
    """
    wanted = email.strip()
    try:
        validate_email(wanted)
    except ValidationError as problem:
        raise Invalid(fields={"email": list(problem.messages)}) from problem
    require_proof(actor, proof)
    limits.enforce(limits.MAIL_ME, actor.pk)
    with transaction.atomic():
        user = lock_proved(actor)
        revoke_links(user.pk, Purpose.CHANGE_EMAIL)
        link = make_link(Purpose.CHANGE_EMAIL, user=user, email=wanted)
        queue_mail(Kind.CHANGE_EMAIL, wanted, user=user, link=link)


@transaction.atomic
def change_email(*, secret: str) -> User:
    """The address becomes the person's own and verified; the former one is told. Raises LinkNotGood, or Invalid for an
    address that somebody else has taken meanwhile.
    """
    link = spend_link(Purpose.CHANGE_EMAIL, secret)
    user = lock_user(link.user_id or 0)
    if not user.is_active:
        raise LinkNotGood
    former = user.email
    user.email, user.email_verified_at = link.email, timezone.now()
    save_person(user, "email", "email_verified_at")
    next_user_version(user)
    record(user_updated(user, "email", "email_verified", actor=user))
    revoke_links(user.pk, Purpose.RESET, Purpose.VERIFY)
    queue_mail(Kind.EMAIL_CHANGED, former, user=user)
    return user
