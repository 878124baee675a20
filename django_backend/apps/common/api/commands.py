"""How an API view runs a command: idempotency key and request hash in, outcome out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from rest_framework.request import Request

from apps.common.idempotency.commands import Outcome, hash_request, run_command

if TYPE_CHECKING:
    from apps.users.models import User


def run_request(request: Request, operation: Callable[[], Outcome]) -> Outcome:
    """Run `operation` once per Idempotency-Key (optional). The hash covers method, path and body, and If-Match."""
    user: User = request.user
    return run_command(
        actor_id=user.pk,
        key=request.headers.get("Idempotency-Key"),
        request_hash=hash_request(
            request.method or "",
            request.get_full_path(),
            request.headers.get("If-Match", ""),
            json.dumps(request.data, sort_keys=True),
        ),
        operation=operation,
    )
