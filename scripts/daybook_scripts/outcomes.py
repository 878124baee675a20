"""A pytest plugin of scripts/test: counts outcomes into a file, and lets --full go on where it stopped.

Loaded with `-p daybook_scripts.outcomes`. OUTCOMES_TO gets the counts as JSON; PASSED_TO, where set, holds a
line for each test that passed, and what it names is not run again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

COUNTED = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


def passed_file() -> Path | None:
    name = os.environ.get("PASSED_TO")
    return Path(name) if name else None


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    record = passed_file()
    if record is None or not record.exists():
        return
    done = set(record.read_text().splitlines())
    again = [item for item in items if item.nodeid in done]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item.nodeid not in done]


def pytest_runtest_logreport(report: Any) -> None:
    """At once, so that a stop in the middle keeps what was proved. Teardown is the last word on a test."""
    record = passed_file()
    if record is None or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    if report.when == "call" and report.passed:
        _running.add(report.nodeid)
    elif report.when == "teardown" and report.passed and report.nodeid in _running:
        with record.open("a") as file:
            file.write(report.nodeid + "\n")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    name = os.environ.get("OUTCOMES_TO")
    if name:
        stats = terminalreporter.stats
        Path(name).write_text(json.dumps({word: len(stats.get(word, ())) for word in COUNTED}))


_running: set[str] = set()
