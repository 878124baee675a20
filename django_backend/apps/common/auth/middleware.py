"""Who is asking, for pages and the admin site: the signed cookie names a session, the database says if it holds."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.functional import SimpleLazyObject

from apps.common.auth.live import SID, TOUCH_EVERY, LiveSession, find_live_session, touch_session

TOUCHED = "touched"  # when the session was last noted as used: in the cookie, so that asking costs no query

Found = tuple[AbstractBaseUser, LiveSession]


class LiveSessionMiddleware(AuthenticationMiddleware):
    """A subclass because the admin site's checks ask for one; nothing of the parent's session keys is used."""

    def process_request(self, request: HttpRequest) -> None:
        def resolve() -> Any:
            found = signed_in(request)
            return found[0] if found else AnonymousUser()

        request.user = SimpleLazyObject(resolve)  # type: ignore[assignment]  # stands in for the person
        request.auser = sync_to_async(resolve)


def signed_in(request: HttpRequest) -> Found | None:
    """The person and live session behind the cookie; asked of the database once per request."""
    remembered: dict[str, Any] = request.__dict__
    if "_signed_in" not in remembered:
        remembered["_signed_in"] = _find(request)
    found: Found | None = remembered["_signed_in"]
    return found


def names_a_session(request: HttpRequest) -> bool:
    return SID in request.session


def begin_cookie_session(request: HttpRequest, sid: UUID) -> None:
    """Put `sid` into a fresh cookie, with nothing of what was there before, and change the CSRF secret."""
    request.session.flush()
    request.session[SID] = str(sid)
    request.session[TOUCHED] = int(time.time())
    request.__dict__.pop("_signed_in", None)
    rotate_token(request)


def end_cookie_session(request: HttpRequest) -> None:
    request.session.flush()
    request.__dict__.pop("_signed_in", None)
    request.user = AnonymousUser()


def _find(request: HttpRequest) -> Found | None:
    try:
        sid = UUID(str(request.session.get(SID, "")))
    except ValueError:
        return None
    found = find_live_session(sid)
    if found:
        _touch_now_and_then(request, sid)
    return found


def _touch_now_and_then(request: HttpRequest, sid: UUID) -> None:
    now = int(time.time())
    if now - int(request.session.get(TOUCHED, 0)) >= TOUCH_EVERY.total_seconds():
        touch_session(sid)
        request.session[TOUCHED] = now
