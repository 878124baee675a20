"""Celery's door: thin, ids in, one service call, safe to run twice. A lost message loses nothing."""

from __future__ import annotations

from celery import shared_task

from apps.common.mail.sending import SEND_LIMIT
from apps.users.services import mails


@shared_task
def sweep_account_mail() -> None:
    """Every few seconds: hint at every mail about an account that is due."""
    for mail_id in mails.due_mail_ids():
        send_account_mail.delay(mail_id)


@shared_task(time_limit=SEND_LIMIT.total_seconds())
def send_account_mail(mail_id: int) -> None:
    mails.send_account_mail(mail_id=mail_id)
