from __future__ import annotations

from django.db import models


class JobRun(models.Model):
    """One period of one periodic job: claimed under a lease, so that a kill does not skip the period."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    period = models.DateTimeField()
    lease_until = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "job_run"
        constraints = [models.UniqueConstraint(fields=["name", "period"], name="job_run_once")]
        indexes = [models.Index(fields=["period"], name="job_run_period")]
