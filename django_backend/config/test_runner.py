"""Hands Django's test labels to pytest: `manage.py test apps.users.tests`, or `python -m config.test_runner …`.

pytest runs in a process of its own, since the settings that are loaded here are those of the install, not of a test.
No test found is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tms_events.environment import REDIS, ConfigurationError, Environment

HERE = Path(__file__).resolve().parent.parent
NO_TESTS = 5
# Of the Redis server that is given: no program uses it, so that tests disturb nobody's queue.
REDIS_DATABASE = 9


class PytestRunner:
    """Django's TEST_RUNNER. Of Django's options only --failfast and the verbosity mean something here."""

    def __init__(self, verbosity: int = 1, failfast: bool = False, **_others: Any) -> None:
        self._options = [*(["-x"] if failfast else []), *(["-v"] * (verbosity - 1))]

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """None of our own."""

    def run_tests(self, test_labels: Sequence[str], **_others: Any) -> int:
        """How many failures: for Django, anything but 0 is one."""
        return run([*test_labels, *self._options])


def run(arguments: Sequence[str]) -> int:
    """pytest's exit code; labels are dotted names, everything else is pytest's."""
    try:
        targets = [path_of(word) if is_label(word) else word for word in arguments]
        environment = environment_for_tests()
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    if not any(is_label(word) for word in arguments):
        targets.append(str(HERE / "apps"))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *without_browser(), *targets]
    code = subprocess.run(command, cwd=HERE, env=environment).returncode
    if code == NO_TESTS:
        sys.stderr.write(f"No test was found in: {' '.join(arguments) or 'apps'}. Check the name.\n")
    return code


def is_label(word: str) -> bool:
    return word == "apps" or word.startswith(("apps.", "config."))


def path_of(label: str) -> str:
    """`apps.users.tests.test_teams.test_x` is a file with `::test_x`. Raises ConfigurationError."""
    words = label.split(".")
    for end in range(len(words), 0, -1):
        folder = HERE.joinpath(*words[:end])
        rest = words[end:]
        if folder.is_dir() and not rest:
            return str(folder)
        if (file := folder.with_suffix(".py")).is_file():
            return "::".join([str(file), *rest])
    raise ConfigurationError(f"There are no tests named {label}. Name a package or module below apps.")


def environment_for_tests() -> dict[str, str]:
    """With the server that tests may make databases on, and a Redis database of their own."""
    given = Environment(os.environ)
    # A run of its own, also where another pytest started it: its worker's name would be taken for ours.
    made = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # pytest-django would load these settings before conftest.py has made the environment that they ask for.
    made.pop("DJANGO_SETTINGS_MODULE", None)
    for name in ("TEST_DATABASE_URL", "REDIS_URL"):
        made.pop(f"{name}_FILE", None)
    if (database := given.optional("TEST_DATABASE_URL")) is not None:
        made["TEST_DATABASE_URL"] = database
    if given.optional("REDIS_URL") is not None:
        given.url("REDIS_URL", REDIS)
        made["REDIS_URL"] = given.redis_database(REDIS_DATABASE)
    return made


def without_browser() -> list[str]:
    """Tests that drive a browser are left out where its driver is not installed, as in the image."""
    if find_spec("playwright") is not None:
        return []
    sys.stderr.write("Tests that drive a browser are left out: playwright is not here.\n")
    return ["--ignore-glob=*_in_the_browser.py", "-m", "not browser"]


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
