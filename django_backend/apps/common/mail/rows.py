"""A mail that is due is a row: what all kinds of it share, so that one mechanism claims and sends them."""

from __future__ import annotations

from django.db import models


class MailRow(models.Model):
    """`run_at` says when it is due, `claimed_until` that somebody is at it, `message_id` marks a repeat."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENT = "sent", "Sent"
        SKIPPED = "skipped", "Skipped"
        DEAD = "dead", "Given up"

    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    reason = models.TextField(blank=True, default="")
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    message_id = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
