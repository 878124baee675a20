"""The threads of one process, which live and die together: when one fails all stop, and the exit code says so."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import structlog

from stream.stopping import STOP_SECONDS

log = structlog.get_logger()


class Parts:
    """Each part runs until `stop` is set, which the end of any part does too."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._failed = threading.Event()
        self._parts: list[threading.Thread] = []

    def add(self, name: str, run: Callable[[], None]) -> None:
        self._parts.append(threading.Thread(target=self._guarded, args=(name, run), name=name, daemon=True))

    def run(self) -> int:
        """Run until stopped; returns the exit code."""
        for part in self._parts:
            part.start()
        self._stop.wait()
        deadline = time.monotonic() + STOP_SECONDS
        for part in self._parts:
            part.join(max(0.0, deadline - time.monotonic()))
        late = [part.name for part in self._parts if part.is_alive()]
        if late:
            log.error("still busy, leaving it to be done again", code="stop_timeout", parts=late)
        return 1 if late or self._failed.is_set() else 0

    def _guarded(self, name: str, run: Callable[[], None]) -> None:
        try:
            run()
        finally:
            error = sys.exc_info()[1]
            if error is not None:
                self._failed.set()
                log.error(
                    "stopped by an error", part=name, code=getattr(error, "code", "error"), exc_info=error
                )
            self._stop.set()
