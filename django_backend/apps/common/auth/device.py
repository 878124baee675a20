"""The cookie by which a browser is known again as one that somebody has signed in from.

It opens nothing. Its one use: whoever tries passwords on an account from elsewhere can't keep its owner out of a place
they use (see services.sign_in_limits of users).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

SALT = "daybook.device"
KNOWN_FOR = timedelta(days=180)
PEOPLE_KEPT = 10


@dataclass(frozen=True, slots=True)
class Device:
    """`people` are public ids of those who signed in from it, latest first."""

    id: str
    people: tuple[str, ...] = field(default=())

    def knows(self, public_id: UUID) -> bool:
        return str(public_id) in self.people

    def with_person(self, public_id: UUID) -> Device:
        others = tuple(known for known in self.people if known != str(public_id))
        return Device(self.id, (str(public_id), *others)[:PEOPLE_KEPT])


def device_of(request: HttpRequest) -> Device | None:
    """The device its cookie names; None without one, or with one that is not ours or too old."""
    try:
        kept = signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=SALT, max_age=KNOWN_FOR
        )
        return Device(str(kept["id"]), tuple(map(str, kept["people"])))
    except (signing.BadSignature, KeyError, TypeError):
        return None


def remember_device(request: HttpRequest, response: HttpResponse, public_id: UUID) -> None:
    """Somebody has signed in: from now on this browser is a place they use."""
    device = (device_of(request) or Device(secrets.token_urlsafe(16))).with_person(public_id)
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps({"id": device.id, "people": list(device.people)}, salt=SALT),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
