"""Waiting until nothing is under way any more: on conditions, with a deadline; what does not settle is named."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from daybook_scripts.chaos.observer import Observer
from daybook_scripts.chaos.stack import Connection

PENDING = "SELECT count(*) FROM event_pending"
# Groups that stand behind the last event of a topic and partition they read.
BEHIND = """
SELECT count(*) FROM consumer_position p
WHERE p.last_seq < (SELECT coalesce(max(o.seq), 0) FROM event_order o
                    WHERE o.topic = p.topic AND o.partition = p.partition)
"""
GROUPS = 'SELECT count(DISTINCT "group") FROM consumer_position'
UNDELIVERED = """
SELECT count(*) FROM notification n
LEFT JOIN tasks_delivery d ON d.event_id = n.event_id AND d.recipient_id = n.recipient_id
WHERE d.id IS NULL OR d.state = 'due'
"""
ACCOUNT_MAILS_DUE = "SELECT count(*) FROM users_accountmail WHERE state = 'due'"
UNPUBLISHED = "SELECT s.last_seq - w.seq FROM sequencer s, event_published w WHERE w.lease_until > now()"
LOG_END = "SELECT last_seq FROM sequencer"
LOOK_EVERY = 0.1


def settle(
    connection: Connection, observers: Sequence[Observer], tend: Callable[[], None], seconds: float
) -> list[str]:
    """Return what had not settled when the time was over: nothing, as a rule. `tend` keeps the programs running."""
    deadline = time.monotonic() + seconds
    while unsettled := _unsettled(connection, observers):
        if time.monotonic() > deadline:
            break
        tend()
        time.sleep(LOOK_EVERY)
    return unsettled


def _unsettled(connection: Connection, observers: Sequence[Observer]) -> list[str]:
    found = []
    if pending := _count(connection, PENDING):
        found.append(f"{pending} events without a seq")
    if unpublished := sum(row[0] for row in connection.execute(UNPUBLISHED)):
        found.append(f"{unpublished} events not published")
    if _count(connection, GROUPS) == 0:
        found.append("no consumer has begun")
    if behind := _count(connection, BEHIND):
        found.append(f"{behind} positions behind the log")
    if undelivered := _count(connection, UNDELIVERED):
        found.append(f"{undelivered} notifications not delivered")
    if due := _count(connection, ACCOUNT_MAILS_DUE):
        found.append(f"{due} mails about accounts not sent")
    log_end = _count(connection, LOG_END)
    for observer in observers:
        if observer.sightings.seq < log_end:
            found.append(f"observer {observer.sightings.person} at {observer.sightings.seq} of {log_end}")
    return found


def _count(connection: Connection, question: str) -> int:
    row = connection.execute(question).fetchone()
    assert row is not None
    return int(row[0])
