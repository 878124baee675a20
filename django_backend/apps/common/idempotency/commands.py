"""`run_command`: one command in one transaction, once per idempotency key.

The key's row is the first thing the transaction writes. A second request with the same key waits for the first to
commit and then replays its outcome; the same key with another request is refused. Only an acknowledged outcome is
kept (a refused one rolls the row back), and never a body: the door renders the object as it is now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import OperationalError, connection, transaction

from apps.common.errors import Busy, IdempotencyMismatch, Invalid

KEY_LENGTH = 200
DEADLOCK = "40P01"
LOCK_NOT_HAD = {DEADLOCK, "55P03"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command led to. `result` is the model it changed, absent where the outcome is replayed."""

    status: int
    object_id: int | None = None
    version: int | None = None
    result: Any = field(default=None, compare=False)
    replayed: bool = False


def hash_request(*parts: bytes | str) -> bytes:
    """SHA-256 over the parts, each with its length, so that no two requests share a hash by concatenation."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def run_command(
    *, actor_id: int, key: str | None, request_hash: bytes, operation: Callable[[], Outcome]
) -> Outcome:
    """Run `operation` in a transaction; with a key at most once. A deadlock is retried once.

    Raises IdempotencyMismatch (422) for a key used before with another request, Invalid (400) for an unusable key,
    Busy (503) when a lock was not had in time; whatever `operation` raises passes through and nothing is kept.
    """
    if key is not None and not (0 < len(key) <= KEY_LENGTH and key.isprintable()):
        raise Invalid(
            f"Idempotency-Key must be 1 to {KEY_LENGTH} printable characters.", code="invalid_idempotency_key"
        )
    for attempt in (1, 2):
        try:
            return _run_once(actor_id, key, request_hash, operation)
        except OperationalError as problem:
            state = getattr(problem.__cause__, "sqlstate", None)
            if state == DEADLOCK and attempt == 1:
                continue
            if state in LOCK_NOT_HAD:
                raise Busy from problem
            raise
    raise AssertionError("the loop returns or raises")


def _run_once(
    actor_id: int, key: str | None, request_hash: bytes, operation: Callable[[], Outcome]
) -> Outcome:
    with transaction.atomic():
        if key is None:
            return operation()
        if not _claim(actor_id, key, request_hash):
            return _replay(actor_id, key, request_hash)
        outcome = operation()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE idempotency SET status = %s, object_id = %s, version = %s WHERE actor_id = %s AND key = %s",
                [outcome.status, outcome.object_id, outcome.version, actor_id, key],
            )
        return outcome


def _claim(actor_id: int, key: str, request_hash: bytes) -> bool:
    """True for the first; a second one waits here until the first has committed or rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO idempotency (actor_id, key, request_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [actor_id, key, request_hash],
        )
        return bool(cursor.rowcount)


def _replay(actor_id: int, key: str, request_hash: bytes) -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT request_hash, status, object_id, version FROM idempotency WHERE actor_id = %s AND key = %s",
            [actor_id, key],
        )
        kept_hash, status, object_id, version = cursor.fetchone()
    if bytes(kept_hash) != request_hash:
        raise IdempotencyMismatch
    return Outcome(status=status, object_id=object_id, version=version, replayed=True)
