from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Session(models.Model):
    """A sign-in: of a browser, of an API client (one family of refresh tokens) or of an API token.

    `sid` stands in the cookie and in every JWT. Django, the sockets and Flask all read it through the view
    `live_session`, so one that ended is refused at once everywhere.
    """

    class Kind(models.TextChoices):
        WEB = "web", "Browser"
        API = "api", "API client"
        TOKEN = "token", "API token"

    class Scope(models.TextChoices):
        READ = "read", "Read"
        WRITE = "write", "Read and write"
        ADMIN = "admin", "Everything"

    sid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    scope = models.CharField(max_length=5, choices=Scope.choices, default=Scope.ADMIN)
    # The one project that a narrow token is good for; an id, because projects belong to a later app.
    project_id = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    idle_until = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True, default="")
    user_agent = models.TextField(blank=True, default="")
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["web", "api", "token"]),
                name="session_kind_known",
            ),
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "write", "admin"]),
                name="session_scope_known",
            ),
        ]
        indexes = [models.Index(fields=["user", "-last_used_at"], name="session_user")]

    def __str__(self) -> str:
        return f"{self.kind} session of {self.user_id}"
