"""Connections to PostgreSQL whose sessions can't stop everyone when their process hangs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg

from tms_events.log.base import LEASE

LOCK_TIMEOUT = timedelta(seconds=5)
CONNECT_SECONDS = 5


def connect(
    url: str, *, program: str, lease: timedelta = LEASE, statement_timeout: timedelta | None = None
) -> psycopg.Connection[tuple[Any, ...]]:
    """An autocommit connection named `program`. Raises psycopg.OperationalError.

    A process that is paused inside a transaction holds its row locks, whatever became of its lease; the server ends
    its session after half a lease, and likewise one whose machine is gone.
    """
    half_lease = round(lease.total_seconds() * 500)
    settings = {
        "idle_in_transaction_session_timeout": half_lease,
        "lock_timeout": round(LOCK_TIMEOUT.total_seconds() * 1000),
        "tcp_user_timeout": half_lease,
    }
    if statement_timeout is not None:
        settings["statement_timeout"] = round(statement_timeout.total_seconds() * 1000)
    return psycopg.connect(
        url,
        autocommit=True,
        application_name=program,
        connect_timeout=CONNECT_SECONDS,
        tcp_user_timeout=half_lease,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
    )
