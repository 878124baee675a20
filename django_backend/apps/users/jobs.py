"""Celery's door: thin, ids in, one service call, safe to run twice. A lost message loses nothing."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.common.jobs.runs import run_once
from apps.common.mail.sending import SEND_LIMIT
from apps.users.services import cleanup, mails


@shared_task
def sweep_account_mail() -> None:
    """Every few seconds: hint at every mail about an account that is due."""
    for mail_id in mails.due_mail_ids():
        send_account_mail.delay(mail_id)


@shared_task(time_limit=SEND_LIMIT.total_seconds())
def send_account_mail(mail_id: int) -> None:
    mails.send_account_mail(mail_id=mail_id)


@shared_task
def clean_up_accounts() -> None:
    """Once a day: remove sign-ins, links, mails and counts whose time is over."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    run_once(name="clean_up_accounts", period=today, lease=timedelta(minutes=30), work=cleanup.remove_expired)
