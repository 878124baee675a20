"""The folders of one small install, and who may use them."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from daybook_scripts import layout
from daybook_scripts.accounts import Account, can_enter, can_run, hand_over, own_folder, unprivileged_account
from daybook_scripts.progress import say
from daybook_scripts.servers import Binaries, copy_binaries, site_packages
from daybook_scripts.trouble import Trouble

# What --fresh removes. The environments and what other commands keep in .local/ stay.
PROGRAM_FOLDERS = ("keys", "data", "outbox")
SERVER_FOLDERS = ("postgres", "postgres.new", "redis", "broker")
STATE_FILES = ("first-start", "demo-sign-in", "address", "event-log")


def state_folder() -> Path:
    """The project's .local/, unless DAYBOOK_STATE names another folder."""
    chosen = os.environ.get("DAYBOOK_STATE")
    return Path(chosen).absolute() if chosen else layout.ROOT / ".local"


def require_writable(folder: Path) -> None:
    """Made where missing; tried by writing, since modes say little on mounted folders."""
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Trouble(
            "state_unwritable",
            f"Daybook keeps its data and its Python environment in {folder}, and can't write there ({error.strerror}).",
            f"give that folder to the user who starts Daybook (sudo chown -R {os.geteuid()} {folder} after making it), "
            f"or name another one: DAYBOOK_STATE=/a/folder/of/yours scripts/run.",
        ) from error


def take_lock(state: Path) -> IO[str]:
    """One Daybook a folder. The kernel frees it however we end; keep the file open as long as we run."""
    path = state / "run.lock"
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        raise Trouble(
            "already_running",
            f"Daybook already runs from {state}: {lock.read().strip() or 'just starting'}.",
            "use that one, or stop it first (Ctrl-C where it runs, or kill its process).",
        ) from error
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


@dataclass(frozen=True)
class Home:
    """`state` holds secrets, keys, mail, logs; `servers` the two servers' data, usually in the same folder."""

    state: Path
    servers: Path
    binaries: Binaries
    environment: Path
    server_account: Account | None
    program_account: Account | None

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def static(self) -> Path:
        """Collected static files, named after what they are made of, so that they are made once (it takes 20 s)."""
        sources = [path for path in layout.DJANGO.glob("apps/**/static/**/*") if path.is_file()]
        contents = [
            part
            for path in sorted(sources)
            for part in (str(path.relative_to(layout.ROOT)), path.read_bytes())
        ]
        return self.environment.parent / f"static-{layout.fingerprint(self.environment.name, *contents)}"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    def program_folder(self, name: str) -> Path:
        return self.state / name


def elsewhere(state: Path) -> Path:
    """Where the servers live when their user can't enter `state`. Named after it, so that it is found again."""
    return Path("/var/lib") / f"daybook-{layout.fingerprint(str(state.resolve()))}"


def furnish(state: Path, environment: Path) -> Home:
    """Decides who runs what from where, and makes the folders."""
    account = unprivileged_account()
    servers, binaries = place_servers(state, environment, account)
    python = environment / "bin" / "python"
    program_account = account if account and programs_can_drop(account, python, state) else None
    home = Home(state, servers, binaries, environment, account, program_account)
    own_folder(home.secrets, None)
    own_folder(home.logs, None)
    for name in PROGRAM_FOLDERS:
        own_folder(home.program_folder(name), program_account)
    own_folder(servers / "redis", account)
    if (servers / "postgres").exists():
        hand_over(servers / "postgres", account)
    return home


def place_servers(state: Path, environment: Path, account: Account | None) -> tuple[Path, Binaries]:
    """Beside the rest where the servers' user can go there; else a folder of their own, and it is said."""
    packages = site_packages(environment)
    own = elsewhere(state)
    if account is None:
        return state, Binaries.in_folder(packages)
    in_place = Binaries.in_folder(packages)
    usable = can_run(account, [str(in_place.postgres / "initdb"), "--version"], Path("/"))
    if usable and can_enter(account, state) and not (own / "postgres").exists():
        return state, in_place
    make_elsewhere(own, account)
    say(f"  The user {account.name} can't enter {state}: the servers' programs and data are in {own}.")
    return own, Binaries.in_folder(copy_binaries(environment, own))


def make_elsewhere(folder: Path, account: Account) -> None:
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
    except OSError as error:
        raise Trouble(
            "state_unwritable",
            f"The servers run as {account.name}, which can't enter the state folder, and "
            f"{folder} can't be made ({error}).",
            "move Daybook to a folder every user can enter, or start scripts/run as an ordinary user.",
        ) from error
    if not can_enter(account, folder):
        raise Trouble(
            "state_unwritable",
            f"The servers run as {account.name}, which can't enter {folder} either.",
            "start scripts/run as an ordinary user.",
        )


def programs_can_drop(account: Account, python: Path, state: Path) -> bool:
    """Whether our programs can run unprivileged; says why where they can't."""
    # A Python whose own folder is closed to the user may start all the same, with another one's library.
    same_python = f"import sys, django; sys.exit(sys.base_prefix != {sys.base_prefix!r})"
    reachable = "keep Daybook in a folder that every user can enter"
    if not can_enter(account, state):
        reason, mend = f"can't enter {state}", reachable
    elif not can_run(
        account, ["/bin/sh", "-c", 'cd "$1" && test -r manage.py', "sh", str(layout.DJANGO)], Path("/")
    ):
        reason, mend = f"can't read {layout.ROOT}", reachable
    elif not can_run(account, [str(python), "-c", same_python], Path("/")):
        reason = f"can't run {os.path.realpath(python)}"
        mend = "start with a Python that every user can run: PYTHON=/usr/bin/python3 scripts/run"
    else:
        return True
    say(
        f"  Only the servers run as {account.name}; Daybook's programs run as root, since {account.name} {reason}."
    )
    say(f"  Better: {mend}, or start Daybook as an ordinary user.")
    return False


def remove_state(state: Path) -> None:
    """--fresh: everything of the install that is not an environment or another command's."""
    folders = [state / name for name in (*PROGRAM_FOLDERS, *SERVER_FOLDERS, "secrets", "log")]
    if os.geteuid() == 0:
        folders.append(elsewhere(state))
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
    for name in STATE_FILES:
        (state / name).unlink(missing_ok=True)
