"""A member of a group for the contract suite: it writes down what it handles, in the transaction of the batch.

`python -m tms_testing.members` is the same as a process of its own, which can die or hang at the worst moment.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from consumers.fold import Fold
from consumers.registry import Consumer
from consumers.runner import Runner
from stream.connections import connect
from stream.logs import configure_logs
from stream.stopping import stop_on_signals
from stream.wakes import Bell
from tms_events.envelope import StoredEvent
from tms_events.log.base import EventLog, Transaction
from tms_events.log.postgres import PostgresLog
from tms_events.types import EVENT_TYPES
from tms_testing.log import Connection

TOPIC = "task-events"
TYPES = frozenset(name for name, spec in EVENT_TYPES.items() if spec.topic == TOPIC)

# No key on purpose: a repeated effect must show as a second row.
SEEN_TABLE = """
CREATE TABLE seen (
    place bigint GENERATED ALWAYS AS IDENTITY, "group" text, seq bigint, aggregate text, version bigint, member text
);
GRANT SELECT, INSERT ON seen TO daybook_consumers;
"""

ENGINES = ("postgres", "kafka")


def open_engine(
    engine: str,
    url: str,
    group: str,
    member: str,
    lease: float,
    topics: Sequence[str] = (TOPIC,),
    bootstrap: str = "",
) -> EventLog:
    """A new member of `group`, of the log engine of that name. Kafka's is at `bootstrap`."""
    span = timedelta(seconds=lease)

    def connected() -> Connection:
        return connect(url, program=f"test {member}", lease=span)

    if engine == "kafka":
        from tms_events.log.kafka import KafkaLog

        return KafkaLog(
            group=group, member=member, topics=topics, connect=connected, bootstrap=bootstrap, lease=span
        )
    return PostgresLog(group=group, member=member, topics=topics, connect=connected, wake=Bell(), lease=span)


RECORD = """
INSERT INTO seen ("group", seq, aggregate, version, member)
SELECT %s, seq, aggregate, version, %s
FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS batch(seq, aggregate, version) ORDER BY seq
"""


def recorder(
    group: str, member: str, after: Callable[[int], None] | None = None, *, ordered: bool = False
) -> Consumer:
    """A consumer that writes a row to `seen` per event, then calls `after` with the number handled so far."""
    handled = 0

    def handle(batch: Sequence[StoredEvent], tx: Transaction) -> None:
        nonlocal handled
        keys = [f"{event.aggregate_type}:{event.aggregate_id}" for event in batch]
        versions = [event.version for event in batch]
        tx.execute(RECORD, (group, member, [event.seq for event in batch], keys, versions))
        handled += len(batch)
        if after is not None:
            after(handled)

    return Consumer(
        name=group, topics=(TOPIC,), types=TYPES, handle=handle, fold=Fold(""), tables={}, ordered=ordered
    )


def signal_itself(number: signal.Signals, at: int) -> Callable[[int], None]:
    """Send this process `number` once, when `at` events were handled: after the effects, before the commit."""
    done = False

    def act(handled: int) -> None:
        nonlocal done
        if not done and handled >= at:
            done = True
            os.kill(os.getpid(), number)

    return act


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("url")
    parser.add_argument("group")
    parser.add_argument("member")
    parser.add_argument("--bootstrap", default="")
    parser.add_argument("--lease", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--kill-at", type=int)
    parser.add_argument("--hang-at", type=int)
    options = parser.parse_args(arguments)
    configure_logs("INFO", options.member)
    stop = threading.Event()
    stop_on_signals(stop)
    after = None
    if options.kill_at is not None:
        after = signal_itself(signal.SIGKILL, options.kill_at)
    elif options.hang_at is not None:
        after = signal_itself(signal.SIGSTOP, options.hang_at)
    consumer = recorder(options.group, options.member, after)
    event_log = open_engine(
        options.engine,
        options.url,
        options.group,
        options.member,
        options.lease,
        bootstrap=options.bootstrap,
    )
    Runner(consumer, event_log, stop, options.batch).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
