"""What a request says about the program and the address it comes from; shown to people in their list of sessions."""

from __future__ import annotations

import ipaddress
from typing import Protocol

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
    """The peer's address (a proxy's, where one stands in front); None over a socket file."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
