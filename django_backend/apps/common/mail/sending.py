"""Claim a mail's row, write the mail, send it, mark the row.

Each step may run twice, in two workers at once, or be killed anywhere: a mail is repeated only if the kill fell between
the mail server's answer and our commit, and then with the same Message-ID.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog
from django.core.mail import BadHeaderError, EmailMessage
from django.db import transaction
from django.utils import timezone

from apps.common.mail.rows import MailRow

BATCH = 500
# A sending that takes longer is ended by Celery, so that when a claim runs out nobody is at it any more; and as a claim
# is what a worker leaves behind when it is killed, it is also how late a mail may come for it.
SEND_LIMIT = timedelta(seconds=25)
CLAIM = SEND_LIMIT + timedelta(seconds=5)
MAX_ATTEMPTS = 8

logger = structlog.get_logger(__name__)
Row = TypeVar("Row", bound=MailRow)


class NotWanted(Exception):
    """The mail has no reason to go out any more; the message says why."""


def due_ids(model: type[MailRow], limit: int = BATCH) -> list[int]:
    """Ids of rows that are due and claimed by nobody, oldest first."""
    now = timezone.now()
    due = model._default_manager.filter(state=MailRow.State.DUE, run_at__lte=now)
    return list(
        due.exclude(claimed_until__gt=now).order_by("run_at", "id").values_list("pk", flat=True)[:limit]
    )


def send_row(model: type[Row], row_id: int, write: Callable[[Row], EmailMessage]) -> MailRow.State | None:
    """Claim, `write` (which may raise NotWanted), send, mark. None if it is not due or somebody else has it."""
    row = _claim(model, row_id)
    if row is None:
        return None
    try:
        message = write(row)
    except NotWanted as reason:
        return _finish(row, MailRow.State.SKIPPED, str(reason))
    try:
        message.send()
    except (smtplib.SMTPException, OSError, BadHeaderError) as problem:
        return _try_later(row, problem)
    return _finish(row, MailRow.State.SENT, "")


def _claim(model: type[Row], row_id: int) -> Row | None:
    now = timezone.now()
    with transaction.atomic():
        row = (
            model._default_manager.select_for_update(skip_locked=True, of=("self",))
            .filter(pk=row_id, state=MailRow.State.DUE, run_at__lte=now)
            .exclude(claimed_until__gt=now)
            .first()
        )
        if row is None:
            return None
        if row.attempts >= MAX_ATTEMPTS:
            _finish(row, MailRow.State.DEAD, "No attempt to send it came to an end.")
            return None
        row.claimed_until = now + CLAIM
        row.attempts += 1
        row.save(update_fields=["claimed_until", "attempts"])
    return row


def _finish(row: MailRow, state: MailRow.State, reason: str) -> MailRow.State:
    sent_at = timezone.now() if state == MailRow.State.SENT else None
    _update(row, state=state, reason=reason, sent_at=sent_at, claimed_until=None)
    return state


def _try_later(row: MailRow, problem: Exception) -> MailRow.State:
    """Back off by powers of two minutes; after the last attempt it is given up and stays visible to operators."""
    logger.warning(
        "mail not sent",
        row=f"{row._meta.model_name}:{row.pk}",
        attempt=row.attempts,
        problem=type(problem).__name__,
    )
    if row.attempts >= MAX_ATTEMPTS:
        return _finish(row, MailRow.State.DEAD, str(problem)[:500])
    run_at = timezone.now() + timedelta(minutes=2**row.attempts)
    _update(row, run_at=run_at, claimed_until=None, reason=str(problem)[:500])
    return MailRow.State.DUE


def _update(row: MailRow, **values: object) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**values)
