"""The API's two ways to say who is asking: a bearer token, or the page's session cookie with a CSRF token."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from apps.common.auth import schema
from apps.common.auth.live import TOKEN_PREFIX, LiveSession, find_live_token, find_person
from apps.common.auth.middleware import names_a_session, signed_in
from apps.common.auth.tokens import AccessToken, TokenExpired, TokenInvalid, read_token

__all__ = ["BearerAuthentication", "CookieAuthentication", "schema"]

SESSION_ENDED = "This session has ended. Sign in again"
TOKEN_ENDED = "This API token is not valid. It was mistyped, revoked, or has ended; make another"
API_TOKEN_LENGTH = 100


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer` with an access token or an opaque API token; `request.auth` is the LiveSession."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, LiveSession] | None:
        text = bearer_token(request)
        if text is None:
            return None
        found = _by_api_token(text) if text.startswith(TOKEN_PREFIX) else _by_access_token(text)
        note_who(request, found)
        refuse_narrow_scope(request, found[1])
        return found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="daybook"'


class CookieAuthentication(SessionAuthentication):
    """The page's own session, for the scripts of our pages; changes need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = signed_in(request._request)
        if found is None:
            if names_a_session(request._request):
                raise AuthenticationFailed(SESSION_ENDED, code="session_ended")
            return None
        note_who(request, found)
        self.enforce_csrf(request)
        refuse_narrow_scope(request, found[1])
        return found


def bearer_token(request: Request) -> str | None:
    """What stands behind `Bearer`; None where another scheme or none is used."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return text.strip()


def _by_access_token(text: str) -> tuple[Any, LiveSession]:
    try:
        token = read_token(AccessToken, text)
    except (TokenExpired, TokenInvalid) as problem:
        raise AuthenticationFailed(problem.detail, code=problem.problem_code) from problem
    found = find_person(token.sid, token.public_id)
    if found is None:
        raise AuthenticationFailed(SESSION_ENDED, code="session_ended")
    return found


def _by_api_token(text: str) -> tuple[Any, LiveSession]:
    """One that never was and one that was revoked or has ended answer alike."""
    found = find_live_token(text) if len(text) <= API_TOKEN_LENGTH else None
    if found is None:
        raise AuthenticationFailed(TOKEN_ENDED, code=TokenInvalid.code)
    return found


def note_who(request: Request, found: tuple[Any, LiveSession]) -> None:
    """For middleware, which sees Django's request: also where this request is refused a line later."""
    request._request.auth_person, request._request.auth_session = found  # type: ignore[attr-defined]


def refuse_narrow_scope(request: Request, live: LiveSession) -> None:
    """Raise unless the session's scope covers what the view needs for a change: `scope_needed`, or write."""
    needed = getattr(request.parser_context["view"], "scope_needed", "write")
    if request.method not in SAFE_METHODS and not live.covers(needed):
        raise PermissionDenied(
            f"This token may only {live.scope}. Use one with the scope {needed}", code="scope_too_narrow"
        )
