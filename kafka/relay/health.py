"""`python -m relay.health`: exit 0 when no event has waited long for its place nor, with Kafka, for publication."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import psycopg

from stream.config import RelayConfig, configured_or_exit, read_relay_config
from stream.connections import connect

PATIENCE = timedelta(seconds=30)

WAITS_FOR_ORDER = """
SELECT EXISTS (SELECT FROM event_pending p JOIN event e ON e.id = p.event
               WHERE e.occurred_at < clock_timestamp() - %(patience)s)
"""
# The watermark's lease is renewed whether or not there is anything to publish.
PUBLISHES = "SELECT coalesce(lease_until > clock_timestamp(), false) FROM event_published"
WAITS_FOR_KAFKA = """
SELECT EXISTS (SELECT FROM event_published w JOIN event_order o ON o.seq = w.seq + 1 JOIN event e ON e.id = o.event
               WHERE e.occurred_at < clock_timestamp() - %(patience)s)
"""


def complaints(connection: psycopg.Connection[tuple[Any, ...]], event_log: str) -> list[str]:
    """What is wrong, in sentences."""

    def ask(question: str) -> bool:
        row = connection.execute(question, {"patience": PATIENCE}).fetchone()
        return bool(row and row[0])

    found = []
    if ask(WAITS_FOR_ORDER):
        found.append(f"An event has waited for its seq for more than {PATIENCE.seconds} s.")
    if event_log == "kafka":
        if not ask(PUBLISHES):
            found.append("No relay publishes to Kafka.")
        if ask(WAITS_FOR_KAFKA):
            found.append(f"An event has waited for Kafka for more than {PATIENCE.seconds} s.")
    return found


def examine(config: RelayConfig) -> list[str]:
    try:
        with connect(config.database_url, program="daybook relay health") as connection:
            return complaints(connection, config.event_log)
    except psycopg.Error as problem:
        return [f"The database can't be asked: {problem}"]


def main() -> int:
    found = examine(configured_or_exit(read_relay_config))
    sys.stdout.write("\n".join(found or ["no event waits"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
