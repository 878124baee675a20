from __future__ import annotations

from django.db import models


class SetupLink(models.Model):
    """The one-time link by which the first person of an install signs up. At most one row."""

    one = models.BooleanField(primary_key=True, default=True)
    digest = models.BinaryField(max_length=32)  # SHA-256 of the link's secret
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(one=True), name="setup_link_only_one")]
