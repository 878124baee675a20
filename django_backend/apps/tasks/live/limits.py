"""What one socket may take up, and the bucket that measures its haste."""

from __future__ import annotations

import time
from collections.abc import Callable

FRAME_BYTES = 64 * 1024
SUBSCRIPTIONS_PER_SOCKET = 50
SOCKETS_PER_PERSON = 50  # in one process
FRAMES_PER_SECOND = 20
FRAME_BURST = 60  # a page that comes back may subscribe to all its rooms at once
COMMANDS_IN_LINE = 20
BACKLOG_EVENTS = 1_000
BACKLOG_SPAN = 50_000  # how far back a room that needs a scan of the log may reach
WAITING_FRAMES = 1_000  # live frames kept for a subscription while its backlog is sent
OUTBOX_FRAMES = 2_000
OUTBOX_BYTES = 4 * 1024 * 1024


class TokenBucket:
    """Lets `burst` frames through at once and `rate` a second after that."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self.tokens, self.filled_at = float(burst), clock()

    def take(self) -> bool:
        """True if there was a token; it is gone now."""
        now = self.clock()
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
