from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Delivery(models.Model):
    """One notification on its way to one person by one channel: due work is a row, Celery only hurries it."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENT = "sent", "Sent"
        SKIPPED = "skipped", "Skipped"
        DEAD = "dead", "Given up"

    event_id = models.UUIDField()
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, default="mail")
    kind = models.TextField()
    task_id = models.BigIntegerField(null=True)
    data = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    reason = models.TextField(blank=True, default="")
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    message_id = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

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
