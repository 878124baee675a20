"""What stops the broker's commands: a sentence that says what is wrong and one that says how to mend it."""

from __future__ import annotations


class BrokerTrouble(RuntimeError):
    """A condition that somebody can mend. `code` is stable, for tests and for searching."""

    def __init__(self, code: str, wrong: str, mend: str) -> None:
        super().__init__(f"{wrong}\n  To mend it: {mend}  [{code}]")
        self.code = code
        self.wrong = wrong
        self.mend = mend
