from __future__ import annotations

from django.db import models


class IdempotencyRecord(models.Model):
    """What a key led to: never the answer's body, which the door renders anew. Kept for seven days."""

    id = models.BigAutoField(primary_key=True)
    actor_id = models.BigIntegerField()
    key = models.TextField()
    request_hash = models.BinaryField()
    status = models.SmallIntegerField(null=True)
    object_id = models.BigIntegerField(null=True)
    version = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        db_table = "idempotency"
        constraints = [models.UniqueConstraint(fields=["actor_id", "key"], name="idempotency_actor_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]
