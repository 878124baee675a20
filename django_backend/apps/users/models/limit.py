from __future__ import annotations

from django.db import models


class RateLimit(models.Model):
    """How much of an allowance is used: one row per rule and whoever it counts, in PostgreSQL, so that a restart or an
    empty Redis forgives nothing.

    `empty_at` is the generic cell rate algorithm's one number: when the allowance will be whole again.
    """

    key = models.BinaryField(primary_key=True, max_length=32)  # SHA-256 of the rule's name and whom it counts
    empty_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["empty_at"], name="rate_limit_empty")]
