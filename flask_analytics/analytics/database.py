"""The pool of connections: read only, with time limits, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[TupleRow]
Pool = ConnectionPool[Connection]

# A thread of the server holds at most one connection at a time; health checks get one of their own.
MAX_CONNECTIONS = 8
WAIT_S = 2.0
SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "default_transaction_read_only=on",
        "statement_timeout=5000",
        "lock_timeout=1000",
        "idle_in_transaction_session_timeout=10000",
        "timezone=UTC",
    )
)


def open_pool(url: str) -> Pool:
    """A pool that connects in the background: the service starts, and says 503, while the database is away."""
    return ConnectionPool(
        url,
        min_size=1,
        max_size=MAX_CONNECTIONS,
        timeout=WAIT_S,
        # Its pauses double, so it gives up early; the next request or health check starts a new attempt.
        reconnect_timeout=5,
        # A connection that broke meanwhile is replaced before a request gets it.
        check=ConnectionPool.check_connection,
        configure=_configure,
        kwargs={
            "options": SESSION,
            "application_name": "daybook-analytics",
            "connect_timeout": 3,
            "tcp_user_timeout": 5000,
            # Statements are planned with the values at hand: one text serves "these projects" and "everything".
            "prepare_threshold": None,
        },
        open=True,
    )


def _configure(connection: Connection) -> None:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ


@contextmanager
def snapshot(pool: Pool) -> Iterator[Connection]:
    """One read-only transaction in which every statement sees the same moment."""
    with pool.connection() as connection:
        yield connection
