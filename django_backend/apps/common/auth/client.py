"""What a request says about the program and the address it comes from; shown to people in their list of sessions."""

from __future__ import annotations

import ipaddress
from typing import Protocol

from django.conf import settings
from django.http.request import HttpHeaders


class Asks(Protocol):
    """What Django's and DRF's requests have in common."""

    @property
    def headers(self) -> HttpHeaders: ...

    @property
    def META(self) -> dict[str, str]: ...  # noqa: N802


def user_agent_of(request: Asks) -> str:
    return request.headers.get("User-Agent", "")


def address_of(request: Asks) -> str | None:
    """Where the request came from; None where that is not known.

    Behind proxies (PROXY_COUNT) it is what the outermost of ours wrote into X-Forwarded-For: each appends the address
    it saw, and what stands left of that was made up by the client.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.PROXY_COUNT:
        seen = request.headers.get("X-Forwarded-For", "").split(",")
        text = seen[-settings.PROXY_COUNT].strip() if len(seen) >= settings.PROXY_COUNT else ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
