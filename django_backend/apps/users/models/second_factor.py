from __future__ import annotations

from django.conf import settings
from django.db import models


class SecondFactor(models.Model):
    """Somebody's authenticator app (TOTP, RFC 6238). It is asked for once `confirmed_at` is set."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="second_factor"
    )
    sealed_secret = models.BinaryField()  # encrypted with a key made from SECRET_KEY
    made_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    # The time step of the last code that was taken: a code seen over a shoulder is good for nothing.
    last_step = models.BigIntegerField(default=0)


class RecoveryCode(models.Model):
    """Stands in for the app once, where the phone is lost."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.BinaryField(max_length=32)  # SHA-256; the code has 80 bits
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]
