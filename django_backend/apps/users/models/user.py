from __future__ import annotations

import uuid
import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,38}$"


def validate_time_zone(value: str) -> None:
    """Raise ValidationError unless `value` is a name in the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            f"{value} is no time zone. Use a name like Europe/Vienna.",
            code="unknown_time_zone",
        )


class UserManager(BaseUserManager["User"]):
    """Lookup only: people are made by apps.users.services, which write the event as well."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Signs in by e-mail or user name, is mentioned by user name, is `sub` in tokens by `public_id`."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    username = models.CharField(
        max_length=39,
        validators=[
            RegexValidator(
                USERNAME_PATTERN,
                "Use 2 to 39 letters, digits, dots, dashes or underscores.",
            )
        ],
    )
    display_name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    language = models.CharField(max_length=10, default="en")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    joined_at = models.DateTimeField(db_default=models.functions.Now())
    erased_at = models.DateTimeField(null=True, blank=True)
    # The team whose robot this is: it signs in by its API token alone. Nobody's for people.
    service_of = models.ForeignKey(
        "users.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="services"
    )
    # The position of the latest event of this aggregate.
    version = models.BigIntegerField(default=0)
    # Moves whenever what this person may see changes; open sockets and resuming browsers compare it.
    access_epoch = models.BigIntegerField(default=0)

    # Set by authentication where the session is good for one project only; policies and querysets hold to it.
    narrowed_to: int | None = None

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["username", "display_name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_without_case"),
            models.UniqueConstraint(Lower("username"), name="user_username_without_case"),
            models.CheckConstraint(condition=~models.Q(display_name=""), name="user_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.display_name

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name.split()[0]

    @property
    def is_service(self) -> bool:
        return self.service_of_id is not None

    @property
    def initials(self) -> str:
        """One or two capitals for the round mark that stands for a person."""
        words = self.display_name.split()
        return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper()

    @property
    def tint(self) -> int:
        """1 to 6: which of the people tints is theirs. It means nothing."""
        return (self.pk or 0) % 6 + 1

    def natural_key(self) -> tuple[Any, ...]:
        return (self.email,)
