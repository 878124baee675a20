from __future__ import annotations

from django.db import models

from apps.users.models.session import Session


class SocketTicket(models.Model):
    """Lets a token client open one WebSocket: a JWT has no place in a URL. Used once, within 30 s."""

    digest = models.BinaryField(primary_key=True, max_length=32)  # SHA-256 of the ticket
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
