from __future__ import annotations

from django.db import models

from apps.tasks.models.project import Project


class Category(models.TextChoices):
    TODO = "todo", "To do"
    IN_PROGRESS = "in_progress", "In progress"
    BLOCKED = "blocked", "Blocked"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


OPEN_CATEGORIES = (Category.TODO, Category.IN_PROGRESS, Category.BLOCKED)
CLOSED_CATEGORIES = (Category.DONE, Category.CANCELLED)


class Status(models.Model):
    """A step of a project's work, in one of five categories. Those without a project serve personal tasks."""

    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="statuses",
    )
    name = models.CharField(max_length=50)
    category = models.CharField(max_length=11, choices=Category.choices)
    order = models.PositiveSmallIntegerField()
    wip_limit = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"],
                name="status_name_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(category__in=Category.values),
                name="status_category_known",
            ),
            # Targets of the task's composite foreign keys.
            models.UniqueConstraint(fields=["id", "project"], name="status_in_project"),
            models.UniqueConstraint(fields=["id", "category"], name="status_in_category"),
        ]

    def __str__(self) -> str:
        return self.name
