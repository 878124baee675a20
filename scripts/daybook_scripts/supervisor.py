"""Runs the servers and programs as children: starts, watches, restarts and stops them.

One thread, one loop. Each child leads its own session, so that Ctrl-C reaches only us and we stop them in order;
and each asks the kernel to be told when we die, so that a SIGKILL of ours leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from daybook_scripts.accounts import Account, popen_rights
from daybook_scripts.progress import say
from daybook_scripts.trouble import Trouble

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A child that lived this long was well: its next death is a new story, not the next failure of the old one.
WELL_AFTER = 60.0
TICK = 0.2
LAST_LINES = 12
LOG_LIMIT = 10_000_000
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What to run. `server` children start before the programs and stop after them."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    env: dict[str, str]
    account: Account | None = None
    server: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0


@dataclass
class Child:
    program: Program
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    log_start: int = 0
    failures: int = 0
    restart_at: float = 0.0
    deaths: list[str] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_lines(self) -> list[str]:
        """The end of what it wrote since its latest start."""
        with self.log.open("rb") as log:
            log.seek(max(self.log_start, self.log.stat().st_size - 8_000))
            return log.read().decode(errors="replace").splitlines()[-LAST_LINES:]


class Supervisor:
    def __init__(self, log_folder: Path) -> None:
        self.log_folder = log_folder
        self.children: dict[str, Child] = {}
        self.stop_asked = False
        self._die_with_us = _death_signal_setter()

    def listen_to_signals(self) -> None:
        """SIGINT, SIGTERM and SIGHUP ask for an orderly stop; asked twice, it is made short."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        self.stop_asked = True

    def start(self, program: Program) -> Child:
        log = self.log_folder / f"{program.name}.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        child = self.children[program.name] = Child(program, log)
        self._spawn(child)
        return child

    def _spawn(self, child: Child) -> None:
        program = child.program
        descriptor = os.open(child.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            child.log_start = os.fstat(descriptor).st_size
            child.process = subprocess.Popen(
                program.command,
                cwd=program.cwd,
                env=program.env,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                preexec_fn=self._die_with_us(program.stop_signal),
                **popen_rights(program.account),
            )
        finally:
            os.close(descriptor)
        child.started = time.monotonic()

    def wait_until(self, child: Child, ready: Callable[[], bool], seconds: float) -> None:
        """Until `ready` says so. A child that ends meanwhile, or is never ready, is a trouble with its last words."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.stop_asked:
                raise KeyboardInterrupt
            if not child.alive:
                raise self.trouble(
                    child, f"{child.program.name} ended while starting ({how_it_ended(child)})."
                )
            if time.monotonic() > deadline:
                raise self.trouble(child, f"{child.program.name} was not ready within {seconds:.0f} s.")
            time.sleep(0.05)

    def trouble(self, child: Child, wrong: str) -> Trouble:
        words = "".join(f"\n    | {line}" for line in child.last_lines()) or "\n    (it wrote nothing)"
        return Trouble(
            "child_not_ready",
            f"{wrong} Its last words:{words}",
            f"see what it says above; all of it is in {child.log}.",
        )

    def watch(self) -> None:
        """Keeps everything running until someone asks to stop."""
        while not self.stop_asked:
            self.tend()
            time.sleep(TICK)

    def tend(self) -> None:
        """One look at every child: names the dead, starts again those whose pause is over."""
        now = time.monotonic()
        for child in self.children.values():
            if child.alive:
                continue
            if child.restart_at == 0.0:
                self._note_death(child, now)
            elif now >= child.restart_at:
                child.restart_at = 0.0
                self._spawn(child)
                say(
                    f"{child.program.name}: started again (process {child.process.pid if child.process else '?'})"
                )

    def _note_death(self, child: Child, now: float) -> None:
        child.failures = 1 if now - child.started > WELL_AFTER else child.failures + 1
        pause = min(FIRST_PAUSE * 2 ** (child.failures - 1), LONGEST_PAUSE)
        child.restart_at = now + pause
        ended = how_it_ended(child)
        child.deaths.append(ended)
        say(f"{child.program.name} died ({ended}); starting it again in {pause:g} s. Its last words:")
        for line in child.last_lines():
            say(f"    | {line}")
        say(f"    (all of it: {child.log})")
        _kill_group(child)

    def stop_all(self) -> None:
        """Programs first, then the servers they use; each asked, waited for, and killed if it does not listen."""
        self.stop_asked = False
        for servers in (False, True):
            self._stop([child for child in self.children.values() if child.program.server is servers])

    def _stop(self, children: list[Child]) -> None:
        for child in children:
            child.restart_at = 0.0
            if child.process is not None and child.alive:
                child.process.send_signal(child.program.stop_signal)
        started = time.monotonic()
        while waiting := [child for child in children if child.alive]:
            for child in waiting:
                if self.stop_asked or time.monotonic() - started > child.program.stop_seconds:
                    say(f"{child.program.name} did not stop in time and is killed")
                    _kill_group(child)
            time.sleep(0.05)
        for child in children:
            _kill_group(child)


def how_it_ended(child: Child) -> str:
    code = child.process.returncode if child.process else None
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _kill_group(child: Child) -> None:
    """What a child left in its session goes with it. After its end the group lives only by such leftovers."""
    if child.process is None:
        return
    try:
        os.killpg(child.process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _death_signal_setter() -> Callable[[signal.Signals], Callable[[], None] | None]:
    """Linux only; elsewhere a SIGKILL of ours leaves the children to be stopped by hand."""
    if not sys.platform.startswith("linux"):
        return lambda stop_signal: None
    libc = ctypes.CDLL(None)
    us = os.getpid()

    def setter(stop_signal: signal.Signals) -> Callable[[], None]:
        def tell_me_when_my_parent_dies() -> None:
            libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))
            if os.getppid() != us:
                os._exit(1)

        return tell_me_when_my_parent_dies

    return setter
