"""Celery's door to the jobs of `common`. Models live in this package, so anything that needs them is imported late."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task


@shared_task
def clean_up() -> None:
    """Once a day: remove what has expired."""
    from django.utils import timezone

    from apps.common.jobs.cleanup import remove_expired
    from apps.common.jobs.runs import run_once

    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    run_once(name="clean_up", period=today, lease=timedelta(minutes=30), work=remove_expired)
