"""What stops a command: a sentence that says what is wrong and one that says how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Trouble(Exception):
    """A condition the person at the terminal can mend. `code` is stable, for tests and for searching."""

    def __init__(self, code: str, wrong: str, mend: str, status: int = 1) -> None:
        super().__init__(f"{wrong} {mend}")
        self.code = code
        self.wrong = wrong
        self.mend = mend
        self.status = status

    def __str__(self) -> str:
        return f"{self.wrong}\n  To mend it: {self.mend}  [{self.code}]"


def exit_plainly(main: Callable[[list[str]], int]) -> int:
    """Runs a command; its troubles become sentences on stderr, not tracebacks."""
    try:
        return main(sys.argv[1:])
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr, flush=True)
        return trouble.status
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr, flush=True)
        return 130
