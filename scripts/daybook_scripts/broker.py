"""`scripts/broker`: `python -m broker` (kafka/broker) in the environment that has its Kafka client."""

from __future__ import annotations

import os
import sys

from daybook_scripts import layout
from daybook_scripts.environment import clean_of_python, ensure_environment
from daybook_scripts.home import require_writable, state_folder
from daybook_scripts.trouble import exit_plainly


def main(arguments: list[str]) -> int:
    require_writable(state_folder())
    environment = ensure_environment(state_folder(), layout.SMALL_INSTALL)
    command = [str(environment / "bin" / "python"), "-m", "broker", *arguments]
    os.execve(command[0], command, clean_of_python(dict(os.environ)) | {"PYTHONPATH": str(layout.KAFKA)})


if __name__ == "__main__":
    sys.exit(exit_plainly(main))
