"""What tests need from Debian: a PostgreSQL 15 server, Chromium, and Java with Maven for Kafka.

Installed where we may, said where not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from daybook_scripts.progress import say, step

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


def find_postgres_15() -> Path | None:
    return POSTGRES_15 if (POSTGRES_15 / "initdb").exists() else None


def find_chromium() -> Path | None:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return Path(found) if found else None


def install(package: str, why: str) -> bool:
    """Whether it is installed now. Says what it does, or why it can't."""
    if shutil.which("apt-get") is None:
        say(f"  {package} is missing ({why}), and this system has no apt-get to install it.")
        return False
    if os.geteuid() != 0:
        say(f"  {package} is missing ({why}). As root: apt-get install --no-install-recommends {package}")
        return False
    with step(f"apt-get install {package}"):
        done = _apt_get("update") and _apt_get("install", "-y", "--no-install-recommends", package)
    if not done:
        say(f"  {package} could not be installed ({why}); apt-get's words are above.")
    return done


def _apt_get(*arguments: str) -> bool:
    env = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-q", *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        say("\n".join((done.stdout + done.stderr).splitlines()[-15:]))
    return done.returncode == 0
