from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from analytics.database import Connection


@dataclass(frozen=True, slots=True)
class FactPosition:
    """How far the analytics consumer has come. `era` changes when a backup is restored: same numbers, other facts."""

    total: int
    latest: int
    era: str


FIND_POSITION = """
SELECT sum(last_seq)::bigint AS total, max(last_seq) AS latest, max(era::text) AS era
FROM consumer_position WHERE "group" = 'analytics' HAVING count(*) > 0
"""


def find_position(connection: Connection) -> FactPosition | None:
    """None before the consumer ever ran. Each partition's position only grows, so their sum tells any move."""
    with connection.cursor(row_factory=class_row(FactPosition)) as cursor:
        return cursor.execute(FIND_POSITION).fetchone()
