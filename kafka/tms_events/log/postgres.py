"""The event log read straight from PostgreSQL: `event_order` joined with `event`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from math import ceil
from uuid import UUID

from tms_events.log.base import LEASE, Batch, Transaction, Wake, check_chain
from tms_events.log.positions import Connect, Positions
from tms_events.log.tables import read_events

# A member that has less than its share asks so often; renewals are due three times a lease.
IMPATIENCE = 0.3


class PostgresLog:
    """An `EventLog` over the event tables."""

    def __init__(
        self,
        *,
        group: str,
        member: str,
        topics: Sequence[str],
        connect: Connect,
        wake: Wake,
        lease: timedelta = LEASE,
    ) -> None:
        self.positions = Positions(group, member, topics, connect, lease)
        self._wake = wake
        self._keep_at = 0.0
        # The log's end when a read last found nothing: until it grows there is nothing to read.
        self._read_to: int | None = None
        self._era: UUID | None = None

    @property
    def group(self) -> str:
        return self.positions.group

    def poll(self, limit: int, wait: float) -> Batch:
        """See `EventLog.poll`."""
        self._keep_share()
        batch = self._read(limit)
        if not batch.events and wait > 0:
            self._wake.wait(wait)
            batch = self._read(limit)
        return batch

    def transaction(self, batch: Batch) -> AbstractContextManager[Transaction]:
        """See `EventLog.transaction`."""
        return self.positions.transaction(batch)

    def lag(self) -> int:
        """See `EventLog.lag`."""
        return self.positions.lag()

    def close(self) -> None:
        """See `EventLog.close`."""
        self.positions.leave()

    def _keep_share(self) -> None:
        """When due: say we live, renew, give back what is more than our share, take what is free."""
        positions = self.positions
        _ = positions.connection  # a lost one drops the leases here, and then there is something to take
        if time.monotonic() < self._keep_at:
            return
        positions.keep()
        share = positions.share()
        if len(positions.held) > share:
            positions.release(sorted(positions.held)[share:])
        elif len(positions.held) < share:
            positions.acquire(share - len(positions.held))
            self._read_to = None
        patience = positions.lease.total_seconds() / 3
        content = len(positions.held) >= share
        self._keep_at = time.monotonic() + (patience if content else min(patience, IMPATIENCE))

    def _read(self, limit: int) -> Batch:
        positions = self.positions
        if not positions.held:
            self._keep_at = min(self._keep_at, time.monotonic() + IMPATIENCE)
            return Batch()
        log_end = self._log_end()
        if log_end == self._read_to or not positions.held:
            return Batch()
        held = dict(positions.held)
        per_partition = max(100, ceil(2 * limit / len(held)))
        assert self._era is not None  # _log_end has read it
        last = {place: position.last_seq for place, position in held.items()}
        events = read_events(positions.connection, last, self._era, per_partition, limit)
        if not events:
            self._read_to = log_end
        check_chain(held, events)
        return Batch.of(events, held)

    def _log_end(self) -> int:
        """The last `seq` given out. In another era all leases are dropped: taking them again adopts the era."""
        row = self.positions.connection.execute("SELECT last_seq, era FROM sequencer").fetchone()
        if row is None:
            raise LookupError("The table sequencer is empty. Run `python manage.py migrate`.")
        last_seq, era = row
        if self._era is not None and era != self._era:
            self.positions.held.clear()
            self._keep_at = 0.0
            self._read_to = None
        self._era = era
        return int(last_seq)
