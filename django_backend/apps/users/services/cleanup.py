"""Takes away what is over: addresses and digests are kept no longer than somebody may ask about them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.users.models import AccountLink, AccountMail, RateLimit, Session, SocketTicket

MAIL_KEPT = timedelta(days=7)
LINKS_KEPT = timedelta(days=30)
SESSIONS_KEPT = timedelta(days=90)


def remove_expired() -> None:
    """Safe to repeat. Mails that were given up stay: operators see them and mend what was wrong."""
    now = timezone.now()
    over = Q(state=AccountMail.State.SENT) | Q(state=AccountMail.State.SKIPPED)
    AccountMail.objects.filter(over, created_at__lt=now - MAIL_KEPT).delete()
    AccountLink.objects.filter(expires_at__lt=now - LINKS_KEPT).delete()
    RateLimit.objects.filter(empty_at__lt=now).delete()
    SocketTicket.objects.filter(expires_at__lt=now).delete()
    OutstandingToken.objects.filter(expires_at__lt=now).delete()
    ended = Q(ended_at__lt=now - SESSIONS_KEPT) | Q(expires_at__lt=now - SESSIONS_KEPT)
    Session.objects.filter(ended | Q(idle_until__lt=now - SESSIONS_KEPT)).delete()
