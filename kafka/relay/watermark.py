"""How far Kafka has been fed: one row, which only the holder of its lease moves forward, and only from where it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

# Whoever had the lease before: its next move fails, for the lease is another's.
HOLD = """
UPDATE event_published SET lease_owner = %(member)s, lease_until = clock_timestamp() + %(lease)s
WHERE lease_owner = %(member)s OR lease_until IS NULL OR lease_until < clock_timestamp()
RETURNING seq
"""

MOVE = """
UPDATE event_published SET seq = %(new)s, lease_until = clock_timestamp() + %(lease)s
WHERE lease_owner = %(member)s AND seq = %(old)s
"""

GIVE_BACK = "UPDATE event_published SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = %s"

PUBLISH_AGAIN = """
UPDATE event_published p SET seq = %(seq)s FROM (SELECT seq FROM event_published FOR UPDATE) AS before
WHERE p.seq > %(seq)s RETURNING before.seq - %(seq)s
"""

SKIP = """
UPDATE event_published p SET seq = s.last_seq FROM sequencer s
WHERE p.lease_until IS NULL OR p.lease_until < clock_timestamp() RETURNING p.seq
"""


class WatermarkMoved(RuntimeError):
    """Another relay publishes by now, or somebody set the watermark back."""

    code = "watermark_moved"


class PublisherLives(RuntimeError):
    """A relay publishes to Kafka at this moment."""

    code = "publisher_lives"


class Watermark:
    """The watermark as the relay `member` may move it."""

    def __init__(self, member: str, lease: timedelta) -> None:
        self._member = member
        self._lease = lease

    def hold(self, connection: Connection) -> int | None:
        """Take the lease or renew it; returns the watermark, None while another relay holds it."""
        row = connection.execute(HOLD, {"member": self._member, "lease": self._lease}).fetchone()
        return int(row[0]) if row else None

    def move(self, connection: Connection, old: int, new: int) -> None:
        """Raises WatermarkMoved, with nothing changed."""
        where = {"member": self._member, "lease": self._lease, "old": old, "new": new}
        if connection.execute(MOVE, where).rowcount == 0:
            raise WatermarkMoved(f"The watermark is no longer {old}, or another relay's.")

    def give_back(self, connection: Connection) -> None:
        connection.execute(GIVE_BACK, (self._member,))


def publish_again_from(seq: int, connection: Connection) -> int:
    """Set the watermark back to before `seq`; returns how many events it had passed. Whoever publishes notices."""
    row = connection.execute(PUBLISH_AGAIN, {"seq": max(seq, 1) - 1}).fetchone()
    return int(row[0]) if row else 0


def skip_to_log_end(connection: Connection) -> int:
    """Set the watermark to the log's end, before Kafka is used: all before is in the tables. Raises PublisherLives."""
    row = connection.execute(SKIP).fetchone()
    if row is None:
        raise PublisherLives("A relay publishes to Kafka.")
    return int(row[0])


def read_watermark(connection: Connection) -> int:
    row = connection.execute("SELECT seq FROM event_published").fetchone()
    if row is None:
        raise LookupError("The table event_published is empty. Run `python manage.py migrate`.")
    return int(row[0])
