"""Takes away rows whose time is over."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.common.idempotency.models import IdempotencyRecord
from apps.common.jobs.models import JobRun

IDEMPOTENCY_KEPT = timedelta(days=7)
JOB_RUNS_KEPT = timedelta(days=90)


def remove_expired() -> None:
    """Idempotency rows after seven days, finished job runs after ninety. Safe to repeat."""
    now = timezone.now()
    IdempotencyRecord.objects.filter(created_at__lt=now - IDEMPOTENCY_KEPT).delete()
    JobRun.objects.filter(period__lt=now - JOB_RUNS_KEPT, finished_at__isnull=False).delete()
