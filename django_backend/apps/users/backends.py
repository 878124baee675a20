"""For Django's permission checks alone: nobody signs in through Django's own `authenticate`, which knows neither the
limits nor the second step. The doors call services.sessions.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest


class PermissionsBackend(ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **extra: Any,
    ) -> None:
        return None
