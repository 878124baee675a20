from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.users.models.session import Session


class ApiToken(models.Model):
    """An opaque token for a script, of a person or of a team's robot. Its session carries scope, project, end and last
    use, so that whatever asks `live_session` knows it like any other sign-in.
    """

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, primary_key=True, related_name="api_token"
    )
    name = models.CharField(max_length=60)
    digest = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the token, which is shown once
    ending = models.CharField(max_length=4)  # its last characters, to tell tokens apart by
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="api_token_has_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def last_used_at(self) -> datetime | None:
        """None until it was used; noted every few minutes, so that using it costs no write each time."""
        return self.session.last_used_at if self.session.last_used_at != self.session.started_at else None
