"""`record`: puts events into the log within the running transaction. Only services call it."""

from __future__ import annotations

from django.db import connection, transaction

from apps.common.events.wake import wake_relay
from tms_events.envelope import Event
from tms_events.outbox import insert_events


class NotInTransaction(RuntimeError):
    """An event outside a transaction could be lost or invented; this is a mistake in the caller."""


def record(*events: Event) -> None:
    """Insert `events`, in order, so that they commit with the change they tell of. The wake-up may be lost."""
    if not connection.in_atomic_block:
        raise NotInTransaction("record() must run inside the transaction of the change it tells of")
    with connection.cursor() as cursor:
        insert_events(cursor, events)
    transaction.on_commit(wake_relay, robust=True)
