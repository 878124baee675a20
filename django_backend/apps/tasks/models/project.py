from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from apps.users.models import Role, Team

KEY_PATTERN = r"^[A-Z][A-Z0-9]{1,9}$"


class Visibility(models.TextChoices):
    TEAM = "team", "Everyone in the team"
    MEMBERS = "members", "Only its members"


class Project(models.Model):
    """Tasks of one kind of work; its key is the first half of theirs (OPS-42)."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="projects")
    key = models.CharField(
        max_length=10,
        validators=[RegexValidator(KEY_PATTERN, "Use 2 to 10 capitals and digits, a capital first.")],
    )
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    visibility = models.CharField(max_length=7, choices=Visibility.choices, default=Visibility.TEAM)
    overdue_status = models.ForeignKey(
        "tasks.Status",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    version = models.BigIntegerField(default=0)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="ProjectMember", related_name="projects"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="project_key_once"),
            models.CheckConstraint(condition=models.Q(key__regex=KEY_PATTERN), name="project_key_shape"),
            models.CheckConstraint(
                condition=models.Q(visibility__in=Visibility.values),
                name="project_visibility",
            ),
        ]
        indexes = [models.Index(fields=["team"], name="project_team")]

    def __str__(self) -> str:
        return f"{self.key} {self.name}"


class ProjectMember(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="project_memberships",
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    joined_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="project_member_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values),
                name="project_member_role_known",
            ),
        ]


class ProjectCounter(models.Model):
    """The next number of a project's tasks: a row of its own, locked last, so that only creators wait on it."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="counter"
    )
    next_number = models.BigIntegerField(default=1)
