"""The real hasher, which counts its work."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.hashers import Argon2PasswordHasher


class CountingHasher(Argon2PasswordHasher):
    done: ClassVar[list[str]] = []

    def encode(self, password: str, salt: str) -> str:
        self.done.append("hash")
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        self.done.append("hash")
        return super().verify(password, encoded)
