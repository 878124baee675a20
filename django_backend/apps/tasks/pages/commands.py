"""How a form runs a command: its hidden key makes a second sending of the same form a replay."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.http import HttpRequest

from apps.common.idempotency.commands import Outcome, hash_request, run_command
from apps.tasks.models import Comment, Task
from apps.tasks.pages.reader import reader_of

NOT_HASHED = {"csrfmiddlewaretoken", "idempotency_key"}


def new_key() -> str:
    """For the hidden field `idempotency_key`; every form on a page has its own."""
    return str(uuid.uuid4())


def run_form(request: HttpRequest, operation: Callable[[], Outcome]) -> Outcome:
    """Run `operation` once per key of the form; a form without one runs each time it is sent."""
    return run_command(
        actor_id=reader_of(request).pk,
        key=request.POST.get("idempotency_key") or None,
        request_hash=hash_request("POST", request.path, *_values(request)),
        operation=operation,
    )


def run_on_task(request: HttpRequest, operation: Callable[[], Task]) -> Outcome:
    def run() -> Outcome:
        task = operation()
        return Outcome(status=302, object_id=task.pk, version=task.version, result=task)

    return run_form(request, run)


def run_on_comment(request: HttpRequest, operation: Callable[[], Comment]) -> Outcome:
    def run() -> Outcome:
        comment = operation()
        return Outcome(status=302, object_id=comment.pk, version=comment.version, result=comment)

    return run_form(request, run)


def _values(request: HttpRequest) -> list[str]:
    """What was sent, in a fixed order, without what differs from one rendering to the next."""
    return [
        part
        for name in sorted(set(request.POST) - NOT_HASHED)
        for value in request.POST.getlist(name)
        for part in (name, value)
    ]
