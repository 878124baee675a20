"""People come in: by open registration, by the set-up link, or as demo accounts on a loopback install."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.common.errors import Forbidden, Invalid
from apps.common.events.record import record
from apps.users.events import user_registered
from apps.users.models import User
from apps.users.selectors import find_by_sign_in_name

# Longer ones only cost the hash its time.
MAX_PASSWORD_LENGTH = 1000
TAKEN = {
    "user_email_without_case": ("email", "Somebody with this e-mail address is here already."),
    "user_username_without_case": ("username", "This user name is taken."),
}


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    title = "This server takes no registrations"


class InvitationNeeded(Forbidden):
    code = "invitation_needed"
    title = "This server takes people by invitation. Ask whoever runs it"


class DemoAccountsOff(Forbidden):
    code = "demo_accounts_off"
    title = "Demo accounts exist only where DEMO_ACCOUNTS is set"


@transaction.atomic
def register_user(
    *,
    email: str,
    username: str,
    display_name: str,
    password: str,
    how: str = "open",
    time_zone: str = "UTC",
    is_staff: bool = False,
) -> User:
    """Make a person, by open registration or (`how="demo"`) as a demo account, which alone may be staff.

    Raises RegistrationClosed, InvitationNeeded, DemoAccountsOff, or Invalid with the fields that need another look.
    """
    require_open_door(how)
    values = {"email": email, "username": username, "display_name": display_name, "time_zone": time_zone}
    return add_person(**values, password=password, how=how, is_staff=is_staff and how == "demo")


def require_open_door(how: str) -> None:
    """Raise unless people may come in this way under the settings of this install."""
    if how == "demo" and not settings.DEMO_ACCOUNTS:
        raise DemoAccountsOff
    if how == "open" and settings.REGISTRATION == "closed":
        raise RegistrationClosed
    if how == "open" and settings.REGISTRATION != "open":
        raise InvitationNeeded
    if how not in ("open", "demo"):
        raise ValueError(f"{how!r} is no way to register; set-up links have a service of their own")


def add_person(*, password: str, how: str, is_staff: bool = False, **values: Any) -> User:
    """Check, insert, state the fact; within the caller's transaction, who has asked whether this door is open."""
    cleaned = {name: value.strip() for name, value in values.items()}
    user = User(**cleaned, is_staff=is_staff, version=1)
    fields = _wrong_fields(user) | _wrong_password(password, user)
    if fields:
        raise Invalid(fields=fields)
    user.password = make_password(password)
    _insert(user)
    record(user_registered(user, how))
    return user


def _wrong_fields(user: User) -> dict[str, list[str]]:
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as problem:
        return {name: list(messages) for name, messages in problem.message_dict.items()}
    return {
        field: [message]
        for field, message in TAKEN.values()
        if find_by_sign_in_name(getattr(user, field)) is not None
    }


def _wrong_password(password: str, user: User) -> dict[str, list[str]]:
    if len(password) > MAX_PASSWORD_LENGTH:
        return {"password": [f"Use at most {MAX_PASSWORD_LENGTH} characters."]}
    try:
        validate_password(password, user)
    except ValidationError as problem:
        return {"password": list(problem.messages)}
    return {}


def _insert(user: User) -> None:
    """The unique indexes decide between two who ask for one name at once."""
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as problem:
        constraint = getattr(getattr(problem.__cause__, "diag", None), "constraint_name", None)
        if constraint not in TAKEN:
            raise
        field, message = TAKEN[constraint]
        raise Invalid(fields={field: [message]}) from problem
