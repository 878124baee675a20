"""Who opens a WebSocket: a page by its session cookie, a token client by a one-time ticket (no JWT in a URL)."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from apps.common.auth.live import SID, LiveSession, find_live_session, spend_ticket
from tms_events.environment import LOOPBACK_HOSTS

Scope = dict[str, Any]


async def authenticate_socket(scope: Scope) -> LiveSession | None:
    """The live session (with its `user_id`) that opens this socket, or None: refuse it.

    A page must come from our own origin. A ticket is spent by asking, whether or not its session still holds.
    """
    if not origin_is_ours(scope):
        return None
    live: LiveSession | None = await database_sync_to_async(_find)(scope)
    return live


def origin_is_ours(scope: Scope) -> bool:
    """Browsers always send Origin, other clients need not: without one only a ticket opens the socket."""
    origin = _header(scope, b"origin")
    if origin is None:
        return _ticket(scope) is not None
    return _same_place(origin, settings.PUBLIC_URL)


def _find(scope: Scope) -> LiveSession | None:
    ticket = _ticket(scope)
    sid = spend_ticket(ticket) if ticket is not None else _sid_in_cookie(scope)
    found = find_live_session(sid) if sid else None
    return found[1] if found else None


def _ticket(scope: Scope) -> str | None:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query["ticket"][0] if "ticket" in query else None


def _sid_in_cookie(scope: Scope) -> UUID | None:
    try:
        cookie = SimpleCookie(_header(scope, b"cookie") or "").get(settings.SESSION_COOKIE_NAME)
        store = import_module(settings.SESSION_ENGINE).SessionStore(cookie.value if cookie else None)
        return UUID(str(store.get(SID, "")))
    except (CookieError, ValueError):
        return None


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def _same_place(origin: str, ours: str) -> bool:
    """Scheme, host and port agree; the names of the loopback address count as one."""
    return _place(origin) == _place(ours)


def _place(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    host = parts.hostname or ""
    return parts.scheme, "loopback" if host in LOOPBACK_HOSTS else host, port
