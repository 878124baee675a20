"""Where things lie in the project, and what every command knows about them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
DJANGO = ROOT / "django_backend"
KAFKA = ROOT / "kafka"
ANALYTICS = ROOT / "flask_analytics"

# One file an image, one for the servers of the small install, one for tests and checks.
IMAGES = (DJANGO / "requirements", KAFKA / "requirements", ANALYTICS / "requirements")
SMALL = SCRIPTS / "requirements-small"
DEV = SCRIPTS / "requirements-dev"

# What the Django image holds besides, so that tests run inside; DEV names all of it too.
IMAGE_TESTS = DJANGO / "requirements-tests"

SMALL_INSTALL = (*IMAGES, SMALL)
EVERYTHING = (*IMAGES, SMALL, DEV)
LOCKED = (*EVERYTHING, IMAGE_TESTS)


def inputs(stem: Path) -> Path:
    """What people write: names and the versions they insist on."""
    return stem.with_name(stem.name + ".in")


def pins(stem: Path) -> Path:
    """What `scripts/lock` writes: every package, one version, its hashes."""
    return stem.with_name(stem.name + ".txt")


def fingerprint(*parts: str | bytes) -> str:
    """A short name for exactly this content."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:12]


def python_series() -> str:
    """Such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
