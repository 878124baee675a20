from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from analytics.database import Connection


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. A narrow token has `project_id`: it sees that project only."""

    user_id: int
    is_staff: bool
    scope: str
    project_id: int | None


FIND_READER = """
SELECT user_id, is_staff, scope, project_id FROM live_session WHERE sid = %(sid)s AND public_id = %(public_id)s
"""


def find_reader(connection: Connection, sid: UUID, public_id: UUID) -> Reader | None:
    """The active person of the session that still holds; None if it ended, expired or is another person's."""
    with connection.cursor(row_factory=class_row(Reader)) as cursor:
        return cursor.execute(FIND_READER, {"sid": sid, "public_id": public_id}).fetchone()
