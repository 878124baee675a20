"""The broker's process, found again by whoever comes later: its id is kept in a file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
TICK = 0.05


class BrokerProcess:
    """At most one process, started by us or by an earlier command with the same file.

    `mark` is an argument of its command line that no other process has. By it a process that got the number of one
    that is gone is not taken for it, and so never signalled.
    """

    def __init__(self, pid_file: Path, mark: str) -> None:
        self._pid_file = pid_file
        self._mark = mark
        self._child: subprocess.Popen[bytes] | None = None
        # Whom the last signal went to. A process that is ending has no command line, and could not be told any more.
        self._signalled: int | None = None

    @property
    def pid(self) -> int | None:
        """None where it does not run."""
        child = self._child
        if child is not None and child.poll() is None and not is_over(child.pid):
            return child.pid
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._mark in command_line(pid) else None

    def start(self, command: Sequence[str], env: Mapping[str, str], log: Path, *, die_with_us: bool) -> None:
        """In a session of its own, so that Ctrl-C on the terminal is not for it; what it writes is added to `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                env=dict(env),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                preexec_fn=_death_signal_setter() if die_with_us else None,
            )
        self._pid_file.write_text(f"{self._child.pid}\n")

    def signal(self, number: signal.Signals) -> None:
        """Nothing where it does not run."""
        pid = self.pid
        if pid is not None:
            self._signalled = pid
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return

    def wait_until_gone(self, seconds: float) -> bool:
        """Whether it ended in that time, its ports and files with it."""
        pid, deadline = self.pid or self._signalled, time.monotonic() + seconds
        while pid is not None and not self._is_over(pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(TICK)
        self._signalled = None
        self._pid_file.unlink(missing_ok=True)
        return True

    def _is_over(self, pid: int) -> bool:
        if self._child is not None and self._child.pid == pid:
            return self._child.poll() is not None
        return is_over(pid)


def command_line(pid: int) -> list[str]:
    """Empty where there is no such process, or only its remains (a zombie)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_over(pid: int) -> bool:
    """No such process, or only its remains.

    Its command line is gone before its sockets are, and its first thread may be dead while others still end: neither
    says that it is over.
    """
    place = Path(f"/proc/{pid}")
    try:
        state = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        threads = len(list((place / "task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX" and threads <= 1


def _death_signal_setter() -> Callable[[], None]:
    """Runs in the child: the kernel kills it when the thread that started it ends, however that happens."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return set_death_signal
