"""Writes each mail as a file into OUTBOX_DIR, named by its Message-ID: sending the same mail twice leaves one file."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class OutboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages; returns how many. Raises OSError where the folder can't be written."""
        folder = Path(settings.OUTBOX_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            mime = message.message()
            name = re.sub(r"[^A-Za-z0-9.@-]", "", str(mime["Message-ID"]))
            _write_whole(folder / f"{name}.eml", mime.as_bytes())
        return len(email_messages)


def _write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing: written beside, synced, then renamed."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(beside).replace(path)
