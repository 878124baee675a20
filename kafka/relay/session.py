"""The relay's one connection, made anew after it was lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg


class Session:
    """Connects when it is asked for a connection and has none that lives."""

    def __init__(self, connect: Callable[[], psycopg.Connection[tuple[Any, ...]]]) -> None:
        self._connect = connect
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @property
    def connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Raises psycopg.OperationalError while the server can't be reached."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
