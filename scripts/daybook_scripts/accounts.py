"""Whose rights a process runs with.

PostgreSQL refuses to run as root, and nothing that listens should. So where root starts Daybook, the servers
always run as `nobody`, and our own programs do too wherever `nobody` can run this Python and read the code.
Where it can't (a Python under root's own home, a clone in a private folder) we don't open anybody's folders:
the servers get binaries and data in a folder of their own, and the programs run as root and the start says so.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daybook_scripts.trouble import Trouble


@dataclass(frozen=True)
class Account:
    """A system user; `None` in its place means: as whoever started us."""

    name: str
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """`nobody` where we are root; otherwise we have no rights to drop."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account("nobody", 65534, 65534)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def popen_rights(account: Account | None) -> dict[str, Any]:
    """Arguments for subprocess: no user, no group, no supplementary group of root's stays."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def can_run(
    account: Account | None, command: Sequence[str], cwd: Path, env: dict[str, str] | None = None
) -> bool:
    """Whether this command, run with these rights in this folder, ends well. Tried, not guessed from modes."""
    rights = popen_rights(account)
    try:
        done = subprocess.run(
            command, cwd="/", env=env, timeout=60, stdin=subprocess.DEVNULL, capture_output=True, **rights
        )
    except PermissionError:
        return False
    except OSError as error:
        if account is not None and not _can_become(account):
            raise Trouble(
                "no_unprivileged_user",
                f"root here may not start a process as {account.name} ({error}).",
                "start scripts/run as an ordinary user.",
            ) from error
        return False
    return done.returncode == 0


def can_enter(account: Account | None, folder: Path) -> bool:
    return can_run(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], Path("/"))


def _can_become(account: Account) -> bool:
    try:
        return subprocess.run(["/bin/sh", "-c", ":"], **popen_rights(account)).returncode == 0
    except OSError:
        return False


def own_folder(folder: Path, account: Account | None, mode: int = 0o700) -> Path:
    """A folder we make, for this account alone. One that is already there is ours too: it lies in our state."""
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    hand_over(folder, account)
    return folder


def hand_over(path: Path, account: Account | None) -> None:
    """Gives a folder of ours and all that is in it to the account that needs it (only root can, or need)."""
    if os.geteuid() != 0:
        return
    uid, gid = (account.uid, account.gid) if account else (0, 0)
    paths = [path]
    if path.is_dir() and not path.is_symlink():
        paths += path.rglob("*")
    for each in paths:
        found = each.lstat()
        if (found.st_uid, found.st_gid) != (uid, gid):
            os.lchown(each, uid, gid)
