from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from apps.users.models.user import validate_time_zone


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"
    GUEST = "guest", "Guest"


ROLE_RANK = {Role.GUEST: 1, Role.MEMBER: 2, Role.ADMIN: 3, Role.OWNER: 4}


def monday_to_friday() -> list[int]:
    """ISO week days, Monday is 1."""
    return [1, 2, 3, 4, 5]


class Team(models.Model):
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    working_days = ArrayField(models.SmallIntegerField(), default=monday_to_friday)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    version = models.BigIntegerField(default=0)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="TeamMember", related_name="teams")

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("slug"), name="team_slug_without_case"),
            models.CheckConstraint(condition=~models.Q(name=""), name="team_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="team_memberships",
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    joined_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="team_member_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="team_member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} as {self.role}"
