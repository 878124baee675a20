"""Stopping cleanly, and waiting longer after each failure in a row."""

from __future__ import annotations

import random
import signal
import threading
from types import FrameType

STOP_SECONDS = 10


def stop_on_signals(stop: threading.Event) -> None:
    """SIGTERM and SIGINT set `stop`: what is begun is finished, nothing new is begun. Main thread only."""

    def set_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, set_stop)
    signal.signal(signal.SIGINT, set_stop)


class Backoff:
    """Waits 0.1 s after the first failure, twice as long after each further one, 5 s at most; ends when stopped."""

    FIRST = 0.1
    LONGEST = 5.0

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._next = self.FIRST

    def wait(self) -> None:
        # Not all at the same moment, when the database comes back.
        self._stop.wait(self._next * random.uniform(0.7, 1.0))
        self._next = min(self._next * 2, self.LONGEST)

    def reset(self) -> None:
        self._next = self.FIRST
