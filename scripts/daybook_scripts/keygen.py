"""`scripts/keygen`: RSA keys that sign tokens, in .local/keys or the folder that is named."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from daybook_scripts import layout
from daybook_scripts.environment import clean_of_python, ensure_environment
from daybook_scripts.home import require_writable, state_folder
from daybook_scripts.trouble import Trouble, exit_plainly


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/keygen",
        description="Makes a 3072-bit RSA key pair for signing tokens. Keys that are already there stay.",
    )
    parser.add_argument("folder", nargs="?", type=Path, help="where to (.local/keys)")
    folder: Path | None = parser.parse_args(arguments).folder
    return generate(folder.absolute() if folder else state_folder() / "keys")


def generate(folder: Path) -> int:
    require_writable(state_folder())
    if (folder / "signing").exists():
        raise Trouble(
            "keys_exist",
            f"{folder} holds keys already.",
            "use them, or name another folder. Replacing the signing key by hand would end every session at once.",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = ensure_environment(state_folder(), layout.SMALL_INSTALL)
    command = [str(environment / "bin" / "python"), "-m", "apps.common.auth.keys", "generate", str(folder)]
    env = clean_of_python(dict(os.environ)) | {"PYTHONPATH": str(layout.KAFKA)}
    return subprocess.run(command, cwd=layout.DJANGO, env=env, umask=0o077).returncode


if __name__ == "__main__":
    sys.exit(exit_plainly(main))
