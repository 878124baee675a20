"""How an API view runs a command: idempotency key and request hash in, outcome out."""

from __future__ import annotations

import json
from collections.abc import Callable

from rest_framework.request import Request

from apps.common.idempotency.commands import Outcome, hash_request, run_command


def run_request(request: Request, operation: Callable[[], Outcome]) -> Outcome:
    """Run `operation` once per Idempotency-Key (optional). The hash covers method, path and body, and If-Match."""
    return run_command(
        actor_id=request.user.pk or 0,  # the permission class let nobody in without one
        key=request.headers.get("Idempotency-Key"),
        request_hash=hash_request(
            request.method or "",
            request.get_full_path(),
            request.headers.get("If-Match", ""),
            json.dumps(request.data, sort_keys=True),
        ),
        operation=operation,
    )
