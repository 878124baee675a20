"""What must not stand in a log: secrets in addresses (links that are mailed, tickets), and tokens wherever they appear.

The last step before a line is written, so that it holds for our own lines, Django's and every library's alike.
"""

from __future__ import annotations

import re
from typing import Any

SECRETS = (
    # A mailed link's page has its secret in the address, because it must work without script.
    (
        re.compile(r"/(set-up|reset-password|verify-email|confirm-email|invitations)/(?!accept/)[^/\s\"'?]+"),
        r"/\1/***",
    ),
    (re.compile(r"\b(ticket|access_token|token)=[^&\s\"']+"), r"\1=***"),
    (re.compile(r"\bdbk_[A-Za-z0-9_-]+"), "dbk_***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "jwt ***"),
)


def mask_secrets(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor."""
    return {key: masked(value) for key, value in event.items()}


def masked(value: Any) -> Any:
    """The same, without secrets in its texts, however deep they lie."""
    if isinstance(value, str):
        for pattern, instead in SECRETS:
            value = pattern.sub(instead, value)
        return value
    if isinstance(value, dict):
        return {key: masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return value
