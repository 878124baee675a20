"""What a person at the terminal sees: one line a step, with how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from daybook_scripts.trouble import Trouble

WIDTH = 34


def say(line: str = "") -> None:
    print(line, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Shows the name while it runs, and then its milliseconds or that it failed."""
    started = time.monotonic()
    if sys.stdout.isatty():
        print(f"  {name} …", end="\r", flush=True)
    try:
        yield
    except BaseException as error:
        word = "stopped" if isinstance(error, KeyboardInterrupt) else "FAILED"
        say(f"  {name:<{WIDTH}} {word} after {milliseconds(started)} ms")
        if not isinstance(error, Trouble | KeyboardInterrupt):
            say(f"    {type(error).__name__}: {error}")
        raise
    say(f"  {name:<{WIDTH}} {milliseconds(started):>6} ms")


def milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
