"""Links that work once: their secrets, and who may use them how long."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.common.auth.live import digest_of
from apps.common.errors import NotFound
from apps.users.models import AccountLink

Purpose = AccountLink.Purpose
GOOD_FOR = {
    Purpose.VERIFY: timedelta(days=3),
    Purpose.RESET: timedelta(hours=1),
    Purpose.CHANGE_EMAIL: timedelta(hours=24),
    Purpose.INVITE: timedelta(days=7),
}
PATHS = {
    Purpose.VERIFY: "verify-email",
    Purpose.RESET: "reset-password",
    Purpose.CHANGE_EMAIL: "confirm-email",
    Purpose.INVITE: "invitations",
}


class LinkNotGood(NotFound):
    """Used, taken back, too old, or never made: the answer is the same."""

    code = "link_not_good"
    title = "This link is no longer good. Ask for a new one"


def make_link(purpose: AccountLink.Purpose, **about: Any) -> AccountLink:
    """A new link; `secret_of` tells what to put into its address. Within the caller's transaction."""
    now = timezone.now()
    link = AccountLink(
        id=uuid.uuid4(), purpose=purpose, made_at=now, expires_at=now + GOOD_FOR[purpose], **about
    )
    link.digest = digest_of(secret_of(link))
    link.save(force_insert=True)
    return link


def secret_of(link: AccountLink) -> str:
    """256 bits that only this install can make again from the link's id."""
    mac = salted_hmac("daybook.account-link", str(link.id), algorithm="sha256").digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def address_of_link(link: AccountLink) -> str:
    return f"{settings.PUBLIC_URL}/{PATHS[Purpose(link.purpose)]}/{secret_of(link)}/"


def good_links(purpose: AccountLink.Purpose, secret: str) -> QuerySet[AccountLink]:
    return AccountLink.objects.filter(
        digest=digest_of(secret),
        purpose=purpose,
        used_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
    )


def find_link(purpose: AccountLink.Purpose, secret: str) -> AccountLink:
    """The link, to look at; raises LinkNotGood."""
    link = good_links(purpose, secret).select_related("user", "team", "made_by").first()
    if link is None:
        raise LinkNotGood
    return link


def spend_link(purpose: AccountLink.Purpose, secret: str) -> AccountLink:
    """The link, marked as used; of two who come at once one gets LinkNotGood. A rollback gives it back."""
    link = good_links(purpose, secret).select_for_update(of=("self",)).first()
    if link is None:
        raise LinkNotGood
    link.used_at = timezone.now()
    link.save(update_fields=["used_at"])
    return link


def revoke_links(user_id: int, *purposes: AccountLink.Purpose) -> None:
    """Links of these purposes that somebody still has in their mail lead nowhere from now on."""
    AccountLink.objects.filter(
        user_id=user_id, purpose__in=purposes, used_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=timezone.now())
