"""Proof that it is still the person themselves at the keyboard, asked before their security is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import check_password

from apps.common.errors import Invalid
from apps.users.models import User
from apps.users.services import limits
from apps.users.services.accounts import MAX_PASSWORD_LENGTH
from apps.users.services.locking import lock_user
from apps.users.services.second_factor import has_second_factor, take_code, wrong_code

STEP_UP = limits.Rule("step-up", 10, timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Proof:
    """The present password, and a code of the second step where there is one."""

    password: str
    code: str = ""


def require_proof(user: User, proof: Proof) -> None:
    """Raise TooManyRequests, or Invalid for `current_password` or `code`.

    Outside the transaction of the change: a wrong guess counts although nothing else is written.
    """
    limits.enforce(STEP_UP, user.pk)
    is_right = len(proof.password) <= MAX_PASSWORD_LENGTH and check_password(proof.password, user.password)
    if not is_right:
        raise Invalid(fields={"current_password": ["This is not your password."]}, code="wrong_password")
    if has_second_factor(user) and not take_code(user, proof.code):
        raise wrong_code()


def lock_proved(actor: User) -> User:
    """The person, locked, as they were when they gave the proof; raises Invalid where the password changed since."""
    user = lock_user(actor.pk)
    if not user.is_active or user.password != actor.password:
        raise Invalid(fields={"current_password": ["It was changed a moment ago."]}, code="wrong_password")
    return user
