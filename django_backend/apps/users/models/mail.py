from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.common.mail.rows import MailRow
from apps.users.models.link import AccountLink


class AccountMail(MailRow):
    """A mail about an account, put down in the transaction of the command that wants it."""

    class Kind(models.TextChoices):
        VERIFY = "verify", "Verify your address"
        RESET = "reset", "Set a new password"
        CHANGE_EMAIL = "change_email", "Confirm a new address"
        INVITE = "invite", "Invitation"
        PASSWORD_CHANGED = "password_changed", "Your password was changed"
        EMAIL_CHANGED = "email_changed", "Your address was changed"
        SECOND_FACTOR_ON = "second_factor_on", "The second step was switched on"
        SECOND_FACTOR_OFF = "second_factor_off", "The second step was switched off"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    address = models.EmailField(max_length=254)
    # Empty for a reset: whether the address belongs to anybody is looked up when the mail is written, so that asking
    # costs the same for a stranger's address.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    link = models.ForeignKey(AccountLink, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["due", "sent", "skipped", "dead"]), name="account_mail_state"
            ),
        ]
        indexes = [models.Index(fields=["run_at", "id"], name="account_mail_due", condition=Q(state="due"))]

    def __str__(self) -> str:
        return f"{self.kind} mail {self.pk}"
