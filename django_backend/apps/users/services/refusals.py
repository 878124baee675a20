"""What was refused to somebody who is signed in, for the audit: limited before it costs a write."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.common.events.record import record
from apps.users.events import access_denied
from apps.users.models import User
from apps.users.services.limits import Rule, try_take

# The same refusal is told once in ten minutes; somebody who tries everything is told of a hundred times, then less.
SAME = Rule("denied:same", 1, timedelta(minutes=10))
ANY = Rule("denied:any", 100, timedelta(minutes=1))
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
ROUTE_LENGTH = 200


def note_refusal(*, actor: User, sid: UUID, code: str, method: str, route: str) -> bool:
    """State that the actor was refused; False where it was told of a moment ago. `route` is a pattern, not an address,
    so that no id or name of what they were after gets into the log.
    """
    if method not in METHODS:
        return False
    if not try_take(SAME, f"{actor.pk}\x00{code}\x00{method}\x00{route}") or not try_take(ANY, str(actor.pk)):
        return False
    with transaction.atomic():
        record(access_denied(actor, sid=sid, code=code, method=method, route=route[:ROUTE_LENGTH]))
    return True
