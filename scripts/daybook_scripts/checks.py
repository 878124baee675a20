"""What is checked without running the product: imports' arrows, style, types, missing migrations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daybook_scripts import layout


@dataclass(frozen=True)
class Check:
    name: str
    command: tuple[str, ...]
    cwd: Path = layout.ROOT


CHECKS = (
    # Programs that are Python scripts are given to Python: their first line can't name a folder with a long path.
    Check("lint-imports", ("bin/python", "bin/lint-imports", "--no-cache")),
    Check("ruff check", ("bin/ruff", "check", ".")),
    Check("ruff format", ("bin/ruff", "format", "--check", ".")),
    Check("mypy", ("bin/python", "-m", "mypy")),
    Check(
        "makemigrations --check",
        ("bin/python", "manage.py", "makemigrations", "--check", "--dry-run"),
        layout.DJANGO,
    ),
)


def command_of(check: Check, environment: Path) -> list[str]:
    """With the environment's own programs."""
    return [str(environment / word) if word.startswith("bin/") else word for word in check.command]
