from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.tasks.models.project import Project
from apps.tasks.models.status import (
    CLOSED_CATEGORIES,
    OPEN_CATEGORIES,
    Category,
    Status,
)
from apps.tasks.querysets import TaskQuerySet

TITLE_LENGTH = 200


class Priority(models.IntegerChoices):
    """Kept as a number so that it sorts; the API and events use the lower-case name."""

    LOW = 1, "Low"
    MEDIUM = 2, "Medium"
    HIGH = 3, "High"
    URGENT = 4, "Urgent"

    @property
    def key(self) -> str:
        return self.name.lower()

    @classmethod
    def from_key(cls, key: str) -> Priority:
        """Raises KeyError for a name that is not one of the four."""
        return cls[key.upper()]


PRIORITY_KEYS = [priority.key for priority in Priority]


class AssignmentRole(models.TextChoices):
    OWNER = "owner", "Owner"
    COLLABORATOR = "collaborator", "Collaborator"


class Task(models.Model):
    """A piece of work. In a project it has a number; without one it is personal: its creator and assignees see it.

    `version` is the position of its latest event, `edit_version` moves only when its own fields change (the ETag).
    `category` repeats the status's, held true by a composite foreign key, so that "open" needs no join.
    """

    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    number = models.BigIntegerField(null=True, blank=True)
    title = models.CharField(max_length=TITLE_LENGTH)
    description = models.TextField(blank=True, default="")
    status = models.ForeignKey(Status, on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=11, choices=Category.choices)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.MEDIUM)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="created_tasks"
    )
    assignees = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        through="Assignment",
        through_fields=("task", "user"),
        related_name="assigned_tasks",
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="subtasks",
    )
    start_date = models.DateField(null=True, blank=True)
    start_time = models.TimeField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    due_time = models.TimeField(null=True, blank=True)
    # The moment the due date ends: midnight in the team's zone (a personal task's: its creator's), or the due time.
    due_at = models.DateTimeField(null=True, blank=True)
    estimated_hours = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    actual_hours = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    position = models.DecimalField(max_digits=30, decimal_places=15, default=0)
    completed_at = models.DateTimeField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    version = models.BigIntegerField(default=0)
    edit_version = models.BigIntegerField(default=0)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="task_number_once"),
            models.CheckConstraint(
                condition=Q(project__isnull=True, number__isnull=True)
                | Q(project__isnull=False, number__gt=0),
                name="task_number_with_project",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="task_has_a_title"),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="task_category_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="task_priority_known"),
            models.CheckConstraint(
                condition=Q(completed_at__isnull=False, category=Category.DONE)
                | (Q(completed_at__isnull=True) & ~Q(category=Category.DONE)),
                name="task_completed_when_done",
            ),
            models.CheckConstraint(
                condition=Q(due_date__isnull=True, due_at__isnull=True, due_time__isnull=True)
                | Q(due_date__isnull=False, due_at__isnull=False),
                name="task_due_whole",
            ),
            models.CheckConstraint(
                condition=Q(start_date__isnull=False) | Q(start_time__isnull=True),
                name="task_start_whole",
            ),
            models.CheckConstraint(
                condition=Q(estimated_hours__isnull=True) | Q(estimated_hours__gte=0),
                name="task_estimate_positive",
            ),
            models.CheckConstraint(
                condition=Q(actual_hours__isnull=True) | Q(actual_hours__gte=0),
                name="task_actual_positive",
            ),
            models.CheckConstraint(condition=~Q(parent=models.F("id")), name="task_not_its_own_parent"),
            models.CheckConstraint(
                condition=Q(version__gte=models.F("edit_version")),
                name="task_versions_in_step",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-created_at", "-id"],
                name="task_project_created",
                condition=Q(archived_at=None),
            ),
            models.Index(
                fields=["creator", "-created_at", "-id"],
                name="task_creator_created",
                condition=Q(archived_at=None),
            ),
            models.Index(
                fields=["due_at", "id"],
                name="task_due_open",
                condition=Q(archived_at=None, category__in=OPEN_CATEGORIES),
            ),
            models.Index(fields=["-updated_at", "-id"], name="task_updated"),
            models.Index(fields=["status"], name="task_status"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def key(self) -> str | None:
        """OPS-42; a personal task has none. Reads the project: select it with the task."""
        return f"{self.project.key}-{self.number}" if self.project else None

    @property
    def ref(self) -> str:
        """What people write and addresses use: the key, or the bare id of a personal task."""
        return self.key or str(self.pk)

    @property
    def etag(self) -> str:
        return f'"{self.edit_version}"'

    @property
    def is_closed(self) -> bool:
        return self.category in CLOSED_CATEGORIES

    @property
    def priority_key(self) -> str:
        return Priority(self.priority).key


class Assignment(models.Model):
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="assignments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    role = models.CharField(max_length=12, choices=AssignmentRole.choices, default=AssignmentRole.OWNER)
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()

    class Meta:
        ordering = ["assigned_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["task", "user"], name="assignment_once"),
            models.CheckConstraint(
                condition=Q(role__in=AssignmentRole.values),
                name="assignment_role_known",
            ),
        ]
        indexes = [models.Index(fields=["user", "task"], name="assignment_user_task")]
