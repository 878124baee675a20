"""People come in: by open registration, by the set-up link, or as demo accounts on a loopback install."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.common.errors import Forbidden, Invalid
from apps.common.events.record import record
from apps.users.events import user_registered
from apps.users.models import User
from apps.users.selectors import find_by_sign_in_name
from apps.users.services import limits
from apps.users.services.links import Purpose, make_link
from apps.users.services.mails import Kind, queue_mail

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


def register_user(
    *,
    email: str,
    username: str,
    display_name: str,
    password: str,
    how: str = "open",
    time_zone: str = "UTC",
    is_staff: bool = False,
    address: str | None = None,
) -> User:
    """Make a person, by open registration or (`how="demo"`) as a demo account, which alone may be staff.

    `address` is where the request came from. Raises RegistrationClosed, InvitationNeeded, DemoAccountsOff,
    TooManyRequests, or Invalid with the fields that need another look.
    """
    require_open_door(how)
    if how == "open":
        limits.enforce(limits.REGISTER, limits.network_of(address))
    with transaction.atomic():
        return add_person(
            email=email,
            username=username,
            display_name=display_name,
            time_zone=time_zone,
            password=password,
            how=how,
            is_staff=is_staff and how == "demo",
        )


def require_open_door(how: str) -> None:
    """Raise unless people may come in this way under the settings of this install."""
    if how == "demo" and not settings.DEMO_ACCOUNTS:
        raise DemoAccountsOff
    if how == "open" and settings.REGISTRATION == "closed":
        raise RegistrationClosed
    if how == "open" and settings.REGISTRATION != "open":
        raise InvitationNeeded
    if how not in ("open", "demo"):
        raise ValueError(
            f"{how!r} is no way to register; set-up links and invitations have services of their own"
        )


def add_person(
    *, password: str, how: str, is_staff: bool = False, is_verified: bool = False, **values: Any
) -> User:
    """Check, insert, state the fact; within the caller's transaction, who has asked whether this door is open.

    An address that nothing has proved yet (`is_verified`) is mailed a link that does; demo addresses read no mail.
    """
    cleaned = {name: " ".join(value.split()) for name, value in values.items()}  # a name is one line
    user = User(**cleaned, is_staff=is_staff, version=1)
    fields = wrong_fields(user) | wrong_password(password, user)
    if fields:
        raise Invalid(fields=fields)
    user.password = make_password(password)
    user.email_verified_at = timezone.now() if is_verified else None
    save_person(user)
    record(user_registered(user, how))
    if not is_verified and how != "demo":
        ask_to_verify(user)
    return user


def ask_to_verify(user: User) -> None:
    """Mail a link to the person's address that proves they read it."""
    link = make_link(Purpose.VERIFY, user=user, email=user.email)
    queue_mail(Kind.VERIFY, user.email, user=user, link=link)


def wrong_fields(user: User) -> dict[str, list[str]]:
    """What is wrong with a new person's fields, names that are taken included."""
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as problem:
        return {name: list(messages) for name, messages in problem.message_dict.items()}
    return {
        field: [message]
        for field, message in TAKEN.values()
        if find_by_sign_in_name(getattr(user, field)) is not None
    }


def wrong_password(password: str, user: User) -> dict[str, list[str]]:
    if len(password) > MAX_PASSWORD_LENGTH:
        return {"password": [f"Use at most {MAX_PASSWORD_LENGTH} characters."]}
    try:
        validate_password(password, user)
    except ValidationError as problem:
        return {"password": list(problem.messages)}
    return {}


def save_person(user: User, *fields: str) -> None:
    """Insert, or update the named fields. The unique indexes decide between two who ask for one name at once."""
    try:
        with transaction.atomic():
            user.save(update_fields=fields) if fields else user.save(force_insert=True)
    except IntegrityError as problem:
        constraint = getattr(getattr(problem.__cause__, "diag", None), "constraint_name", None)
        if constraint not in TAKEN:
            raise
        field, message = TAKEN[constraint]
        raise Invalid(fields={field: [message]}) from problem
