from __future__ import annotations

from django.conf import settings
from django.db import models

from apps.tasks.models.task import Task

BODY_LENGTH = 20_000


class Comment(models.Model):
    """What somebody said about a task. A deleted one keeps its row and mark, and loses its text."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    body = models.TextField()
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    # The task's version at the comment's latest change: open pages ignore older news by it.
    version = models.BigIntegerField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(deleted_at__isnull=True) & ~models.Q(body=""))
                | models.Q(deleted_at__isnull=False, body=""),
                name="comment_text_until_deleted",
            ),
        ]
        indexes = [models.Index(fields=["task", "created_at", "id"], name="comment_task")]
