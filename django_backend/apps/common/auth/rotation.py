"""A new key takes over without a token refused: it is published before it signs, and the former one verifies until the
last token that it signed has ended. Each step refuses to be done too early, and may be repeated.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

from apps.common.auth.keys import SIGNING_FILE, KeyProblem, KeySet, generate, read_keys
from apps.common.auth.tokens import REFRESH_LIFETIME

# Verifiers keep the key set for five minutes (Cache-Control of jwks.json, and the analytics service's own clock);
# twice that, and one of them may be late.
PUBLISHED_FOR = timedelta(minutes=15)
# The longest-lived token is a refresh token; a day more for clocks that are off.
VERIFIES_FOR = REFRESH_LIFETIME + timedelta(days=1)
LAST_SIGNED = ".last-signed"  # beside a key that signs no more: since when


class TooEarly(KeyProblem):
    """The step would refuse somebody's token; the message says from when on it will not."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """`role`: signs, published (not signing yet) or retiring (signs no more)."""

    kid: str
    role: str
    since: datetime


def key_states(folder: Path) -> list[KeyState]:
    """Every key and what it does, the signing one first."""
    keys = read_keys(folder)
    states = [_state(folder, keys, kid) for kid in keys.public]
    return sorted(states, key=lambda state: (state.role != "signs", state.since))


def publish(folder: Path) -> str:
    """Make a key that verifies from now on; does nothing where one waits to sign already. Returns its kid."""
    waiting = [state for state in key_states(folder) if state.role == "published"]
    return waiting[-1].kid if waiting else generate(folder)


def sign(folder: Path) -> str:
    """Let the published key sign. Raises TooEarly, or KeyProblem where none waits. Returns its kid."""
    states = key_states(folder)
    waiting = [state for state in states if state.role == "published"]
    if not waiting:
        raise KeyProblem("No key waits to sign. Publish one first: python manage.py rotate_keys publish.")
    ready_at = waiting[-1].since + PUBLISHED_FOR
    if timezone.now() < ready_at:
        raise TooEarly(f"Verifiers may not know the new key yet. Run this again after {_clock(ready_at)}.")
    # First the note, then the change: killed between the two, the former key is noted and signs on, which is harmless.
    _write(folder / f"{states[0].kid}{LAST_SIGNED}", timezone.now().isoformat())
    _write(folder / SIGNING_FILE, waiting[-1].kid)
    return waiting[-1].kid


def retire(folder: Path) -> list[str]:
    """Remove keys whose last token has ended; raises TooEarly where there are retiring keys and none is due yet."""
    retiring = [state for state in key_states(folder) if state.role == "retiring"]
    due = [state for state in retiring if timezone.now() >= state.since + VERIFIES_FOR]
    if retiring and not due:
        first = min(state.since for state in retiring) + VERIFIES_FOR
        raise TooEarly(f"Tokens of the former key are still about. Run this again after {_clock(first)}.")
    for state in due:
        (folder / f"{state.kid}.pem").unlink()
        (folder / f"{state.kid}{LAST_SIGNED}").unlink()
    return [state.kid for state in due]


def _state(folder: Path, keys: KeySet, kid: str) -> KeyState:
    made = datetime.fromtimestamp((folder / f"{kid}.pem").stat().st_mtime, tz=timezone.get_default_timezone())
    if kid == keys.signing_kid:
        return KeyState(kid, "signs", made)
    note = folder / f"{kid}{LAST_SIGNED}"
    if note.exists():
        return KeyState(kid, "retiring", datetime.fromisoformat(note.read_text(encoding="ascii").strip()))
    return KeyState(kid, "published", made)


def _write(path: Path, text: str) -> None:
    """All of it or nothing, readable by the owner alone: a process that reads meanwhile sees the old or the new."""
    beside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
