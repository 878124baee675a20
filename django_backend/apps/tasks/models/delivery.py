from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.common.mail.rows import MailRow


class Delivery(MailRow):
    """One notification on its way to one person by one channel: due work is a row, Celery only hurries it."""

    event_id = models.UUIDField()
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, default="mail")
    kind = models.TextField()
    task_id = models.BigIntegerField(null=True)
    data = models.JSONField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event_id", "recipient", "channel"], name="delivery_once"),
            models.CheckConstraint(
                condition=Q(state__in=["due", "sent", "skipped", "dead"]),
                name="delivery_state",
            ),
        ]
        indexes = [models.Index(fields=["run_at", "id"], name="delivery_due", condition=Q(state="due"))]


class DeliveryPosition(models.Model):
    """How far the sweeper has turned a partition's notifications into deliveries."""

    pk = models.CompositePrimaryKey("topic", "partition")
    topic = models.TextField()
    partition = models.SmallIntegerField()
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        db_table = "delivery_position"
