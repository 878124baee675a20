"""An authenticator app: shows the code of a secret, for now or some steps from now."""

from __future__ import annotations

import time

import pyotp

from apps.users.models import User
from apps.users.services.second_factor import begin_second_factor, confirm_second_factor


class Authenticator:
    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)

    def code(self, steps: int = 0) -> str:
        return self._totp.generate_otp(int(time.time()) // 30 + steps)


def with_second_factor(person: User) -> tuple[Authenticator, list[str]]:
    """Switch the person's second step on, by the code before the present one, so that the present one is still good."""
    app = Authenticator(begin_second_factor(actor=person).secret)
    return app, confirm_second_factor(actor=person, code=app.code(-1))
