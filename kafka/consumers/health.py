"""`python -m consumers.health [NAME…]`: exit 0 when each consumer has a living member and takes what is there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg

from consumers.registry import CONSUMERS
from stream.config import ConsumersConfig, configured_or_exit, read_consumers_config
from stream.connections import connect

PATIENCE = timedelta(seconds=60)

LIVES = 'SELECT EXISTS (SELECT FROM consumer_position WHERE "group" = %(group)s AND lease_until > clock_timestamp())'
# The first event after a position says how long that partition has waited.
WAITS = """
SELECT EXISTS (
    SELECT FROM consumer_position p
    CROSS JOIN LATERAL (SELECT o.event FROM event_order o
                        WHERE o.topic = p.topic AND o.partition = p.partition AND o.seq > p.last_seq
                        ORDER BY o.seq LIMIT 1) AS next
    JOIN event e ON e.id = next.event
    WHERE p."group" = %(group)s AND e.occurred_at < clock_timestamp() - %(patience)s)
"""


def complaints(connection: psycopg.Connection[tuple[Any, ...]], groups: Sequence[str]) -> list[str]:
    """What is wrong, in sentences."""
    found = []
    for group in groups:
        asked = {"group": group, "patience": PATIENCE}
        lives, waits = (connection.execute(question, asked).fetchone() for question in (LIVES, WAITS))
        if not (lives and lives[0]):
            found.append(f"Nobody reads for {group}.")
        if waits and waits[0]:
            found.append(f"{group} has left an event for more than {PATIENCE.seconds} s.")
    return found


def examine(config: ConsumersConfig, groups: Sequence[str]) -> list[str]:
    try:
        with connect(config.database_url, program="daybook consumers health") as connection:
            return complaints(connection, groups)
    except psycopg.Error as problem:
        return [f"The database can't be asked: {problem}"]


def main(arguments: Sequence[str]) -> int:
    if unknown := set(arguments) - set(CONSUMERS):
        sys.stderr.write(f"There is no consumer {', '.join(sorted(unknown))}. Use: {', '.join(CONSUMERS)}.\n")
        return 2
    found = examine(configured_or_exit(read_consumers_config), arguments or list(CONSUMERS))
    sys.stdout.write("\n".join(found or ["all read, nothing waits"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
