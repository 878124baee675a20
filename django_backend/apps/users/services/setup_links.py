"""The one-time link by which the first person of an install signs up and makes the first team."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.common.auth.live import digest_of
from apps.common.errors import Conflict, NotFound
from apps.users.models import SetupLink, Team, User
from apps.users.selectors import has_an_operator
from apps.users.services.accounts import add_person
from apps.users.services.teams import create_team

GOOD_FOR = timedelta(days=7)


class LinkNotGood(NotFound):
    """Used, replaced, too old, or never made: the answer is the same."""

    code = "setup_link_not_good"
    title = "This link is no longer good. Make a new one: python manage.py setup_link"


class OperatorPresent(Conflict):
    code = "operator_present"
    title = "Somebody runs this install already. Ask them to invite you"


@transaction.atomic
def make_setup_link() -> str:
    """A new link, in place of any former one; its address is returned here and kept nowhere."""
    if has_an_operator():
        raise OperatorPresent
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    SetupLink.objects.update_or_create(
        one=True, defaults={"digest": digest_of(secret), "made_at": now, "expires_at": now + GOOD_FOR}
    )
    return f"{settings.PUBLIC_URL}/set-up/{secret}/"


def link_is_good(secret: str) -> bool:
    return _good_links(secret).exists()


@transaction.atomic
def use_setup_link(
    *, secret: str, email: str, username: str, display_name: str, password: str, team_name: str
) -> tuple[User, Team]:
    """Make the first person, who runs this install (staff), and their team; the link is spent if all of it holds.

    Raises LinkNotGood or Invalid; registration may be closed, the link is the invitation.
    """
    link = _good_links(secret).select_for_update().first()
    if link is None:
        raise LinkNotGood
    link.delete()
    user = add_person(
        email=email,
        username=username,
        display_name=display_name,
        password=password,
        how="first_person",
        is_staff=True,
    )
    team = create_team(actor=user, name=team_name)
    return user, team


def _good_links(secret: str) -> QuerySet[SetupLink]:
    return SetupLink.objects.filter(digest=digest_of(secret), expires_at__gt=timezone.now())
