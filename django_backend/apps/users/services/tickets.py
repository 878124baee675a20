"""One-time tickets that let a token client open a WebSocket."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.common.auth.live import digest_of
from apps.users.models import SocketTicket, User

GOOD_FOR = timedelta(seconds=30)


@transaction.atomic
def issue_socket_ticket(*, actor: User, sid: UUID) -> str:
    """A ticket for one socket of this session of the actor's. Unused ones of the session that are too old go."""
    now = timezone.now()
    SocketTicket.objects.filter(session_id=sid, expires_at__lte=now).delete()
    ticket = secrets.token_urlsafe(32)
    session = actor.sessions.get(sid=sid)
    SocketTicket.objects.create(digest=digest_of(ticket), session=session, expires_at=now + GOOD_FOR)
    return ticket
