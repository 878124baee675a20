from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.users.models.team import Role, Team


class AccountLink(models.Model):
    """A link that proves something once: that an address is read by its owner, or that somebody was invited.

    Its secret is made from the id and SECRET_KEY (services.links) and kept nowhere; the row holds its SHA-256, so
    neither a thief of the table nor a reader of the mail rows has a link to use.
    """

    class Purpose(models.TextChoices):
        VERIFY = "verify", "Verify an address"
        RESET = "reset", "Set a new password"
        CHANGE_EMAIL = "change_email", "Change the address"
        INVITE = "invite", "Join a team"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    digest = models.BinaryField(max_length=32, unique=True)
    # Whose account it is about; nobody's for an invitation.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="account_links"
    )
    # The address it was mailed to, and so proves; empty for an invitation that is handed over by its maker.
    email = models.EmailField(max_length=254, blank=True, default="")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=["verify", "reset", "change_email", "invite"]),
                name="account_link_purpose_known",
            ),
            models.CheckConstraint(
                condition=(Q(purpose="invite") & Q(team__isnull=False) & ~Q(role=""))
                | (~Q(purpose="invite") & Q(user__isnull=False) & ~Q(email="")),
                name="account_link_is_about_somebody",
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="account_link_expiry")]

    def __str__(self) -> str:
        return f"{self.purpose} link {self.id}"
