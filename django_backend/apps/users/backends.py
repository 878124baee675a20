"""For Django's own `authenticate`: the same check, and so the same events, as at our doors."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from apps.users.models import Session, User
from apps.users.services.sessions import WrongCredentials, check_credentials


class EmailOrUsernameBackend(ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **extra: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            return check_credentials(login=username, password=password, kind=Session.Kind.WEB)
        except WrongCredentials:
            return None
