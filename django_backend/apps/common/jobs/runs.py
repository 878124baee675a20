"""Periodic jobs as rows: each period of each job is claimed under a lease and marked when finished.

A second beat, or a hint that comes twice, finds the row taken; a worker killed in the middle lets its lease run out
and the next hint does the period over, so jobs must be safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.common.jobs.models import JobRun


def run_once(*, name: str, period: datetime, lease: timedelta, work: Callable[[], None]) -> bool:
    """Do `work` for this period unless it is done or being done. True if it was done now."""
    now = timezone.now()
    with transaction.atomic():
        _, is_new = JobRun.objects.get_or_create(
            name=name, period=period, defaults={"lease_until": now + lease, "started_at": now}
        )
        if not is_new:
            taken = JobRun.objects.filter(
                name=name, period=period, finished_at=None, lease_until__lt=now
            ).update(lease_until=now + lease, attempts=F("attempts") + 1, started_at=now)
            if not taken:
                return False
    work()
    JobRun.objects.filter(name=name, period=period).update(finished_at=timezone.now())
    return True
