"""The event log of one test: tell it facts, ask it anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from tms_events.envelope import Event
from tms_testing.database import MigratedDatabase
from tms_testing.stories import sequence_all, write

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Log:
    """`owner` is an autocommit connection of the tables' owner, for asking and for planting faults."""

    database: MigratedDatabase
    owner: Connection

    def tell(self, *events: Event) -> None:
        """Commit and sequence, as web and relay."""
        write(self.database.web_url, events)
        sequence_all(self.database.relay_url)

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(query, params or None).fetchall()

    def value(self, query: str, *params: Any) -> Any:
        (row,) = self.rows(query, *params)
        return row[0]
