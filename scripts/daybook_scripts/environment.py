"""Python environments made from the hash-pinned files, each named after exactly what is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

from daybook_scripts import layout
from daybook_scripts.trouble import Trouble

READY = ".daybook-complete"


def environment_name(stems: Iterable[Path]) -> str:
    """Another Python or another pin is another environment."""
    contents = [layout.pins(stem).read_bytes() for stem in stems]
    return f"venv-{layout.python_series()}-{layout.fingerprint(sys.base_prefix, sys.version, *contents)}"


def ensure_environment(parent: Path, stems: Sequence[Path]) -> Path:
    """The folder of an environment that holds exactly these pins; made when it is not there yet."""
    folder = parent / environment_name(stems)
    if (folder / READY).exists():
        return folder
    make_environment(folder)
    options = ["--require-hashes", "--only-binary", ":all:"]
    for stem in stems:
        options += ["-r", str(layout.pins(stem))]
    pip_install(folder, options)
    (folder / READY).touch()
    return folder


def make_environment(folder: Path) -> None:
    """An empty environment with pip; what an interrupted try left there is dropped."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        # Links, not copies: a copy that can't reach its own library may start with another Python's instead.
        venv.EnvBuilder(with_pip=True, symlinks=True).create(folder)
    except (subprocess.CalledProcessError, ImportError) as error:
        raise Trouble(
            "no_venv",
            f"{sys.executable} can't make an environment with pip ({error}).",
            "install its venv module (Debian: apt-get install python3-venv).",
        ) from error


def pip_install(folder: Path, options: Sequence[str]) -> None:
    command = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    command += ["--no-warn-script-location", "--root-user-action=ignore"]
    done = subprocess.run([*command, *options], env=clean_of_python(dict(os.environ)))
    if done.returncode:
        raise Trouble(
            "install_failed",
            f"pip could not install what {folder.name} needs (its words are above).",
            "see that this machine reaches a package index (pip config list shows which), then start again.",
        )


def clean_of_python(environment: dict[str, str]) -> dict[str, str]:
    """Our own PYTHONPATH and somebody's PYTHONHOME are no business of a program in an environment."""
    return {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
