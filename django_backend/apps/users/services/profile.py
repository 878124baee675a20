"""What people say about themselves."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.common.errors import Invalid
from apps.common.events.record import record
from apps.users.events import user_updated
from apps.users.models import User
from apps.users.services.locking import lock_user, next_user_version

FIELDS = ("display_name", "time_zone", "language")


@transaction.atomic
def edit_profile(*, actor: User, changes: Mapping[str, str]) -> User:
    """Change the named fields of one's own; values that are there already state no fact. Raises Invalid."""
    user = lock_user(actor.pk)
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise Invalid(fields={name: ["There is no such field."] for name in unknown}, code="unknown_field")
    given = {name: " ".join(changes[name].split()) for name in FIELDS if name in changes}  # each is one line
    changed = [name for name, value in given.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, given[name])
    _check(user)
    if changed:
        next_user_version(user, *changed)
        record(user_updated(user, *changed, actor=user))
    return user


def _check(user: User) -> None:
    if user.language not in dict(settings.LANGUAGES):
        raise Invalid(fields={"language": ["Use a language's code, such as en or de."]})
    try:
        user.clean_fields(exclude=["password", "email", "username"])
    except ValidationError as problem:
        raise Invalid(fields={name: list(texts) for name, texts in problem.message_dict.items()}) from problem
