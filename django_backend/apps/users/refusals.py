"""Looks at answers that go out: a refusal (403) to somebody who is signed in becomes an event."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from apps.common.auth.live import LiveSession
from apps.common.auth.middleware import signed_in
from apps.common.errors import Forbidden
from apps.users.models import User
from apps.users.services.refusals import note_refusal

CODE = re.compile(r"^[a-z_]{1,60}$")

log = structlog.get_logger(__name__)


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == Forbidden.status:
            self._note(request, response)
        return response

    def _note(self, request: HttpRequest, response: HttpResponse) -> None:
        found = _who(request)
        if found is None:
            return
        person, live = found
        match = request.resolver_match
        try:
            note_refusal(
                actor=person,
                sid=live.sid,
                code=_code_of(response),
                method=request.method or "",
                route=match.route if match else "",
            )
        except DatabaseError as problem:
            # The refusal stands, told of or not; an answer that is right must not turn into a 500.
            log.error("refusal_not_recorded", problem=type(problem).__name__)


def _who(request: HttpRequest) -> tuple[User, LiveSession] | None:
    """Whom the API's authentication found (it leaves them on the request), or the page's cookie names."""
    live: Any = getattr(request, "auth_session", None)
    person: Any = getattr(request, "auth_person", None)
    if person is None:
        person, live = signed_in(request) or (None, None)
    return (person, live) if isinstance(person, User) and isinstance(live, LiveSession) else None


def _code_of(response: HttpResponse) -> str:
    data = getattr(response, "data", None)
    code = str(data.get("code", "")) if isinstance(data, dict) else ""
    return code if CODE.match(code) else Forbidden.code
