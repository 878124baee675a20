from __future__ import annotations

from django.db import models


class History(models.Model):
    """One row per task event: who, when, what, from, to. Ids without foreign keys; a trigger forbids any change."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    task_id = models.BigIntegerField()
    version = models.BigIntegerField()
    type = models.TextField()
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    correlation_id = models.UUIDField()

    class Meta:
        db_table = "history"
        constraints = [
            models.UniqueConstraint(fields=["event_id"], name="history_event_once"),
            models.UniqueConstraint(fields=["task_id", "version"], name="history_version_once"),
        ]
