"""Sentences about tasks that lists are built from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

if TYPE_CHECKING:
    from apps.tasks.models import Task  # noqa: F401 (the base class names it)
    from apps.users.models import User


def visible_project_ids(user: User) -> RawSQL:
    """The projects that `project_access` grants `user`: the one definition of rights, as a subquery. In a session that
    is good for one project only, at most that one.
    """
    if user.narrowed_to is not None:
        return RawSQL(
            "SELECT project_id FROM project_access WHERE user_id = %s AND project_id = %s",
            [user.pk, user.narrowed_to],
        )
    return RawSQL("SELECT project_id FROM project_access WHERE user_id = %s", [user.pk])


class TaskQuerySet(models.QuerySet["Task"]):
    def visible_to(self, user: User) -> TaskQuerySet:
        """Tasks of projects the person has access to, and personal ones they made or are assigned to."""
        if user.narrowed_to is not None:
            return self.filter(project_id__in=visible_project_ids(user))
        personal = Q(project__isnull=True) & (Q(creator_id=user.pk) | Q(assignments__user_id=user.pk))
        mine = self.model._default_manager.filter(personal).values("pk")
        return self.filter(Q(project_id__in=visible_project_ids(user)) | Q(pk__in=mine))

    def current(self) -> TaskQuerySet:
        """Not archived."""
        return self.filter(archived_at__isnull=True)

    def open(self) -> TaskQuerySet:
        return self.current().filter(category__in=["todo", "in_progress", "blocked"])

    def overdue(self, now: datetime) -> TaskQuerySet:
        return self.open().filter(due_at__lte=now)

    def assigned_to(self, user_ids: Sequence[int]) -> TaskQuerySet:
        """On which any of these people is; a subquery, so that no task appears twice."""
        return self.filter(
            pk__in=self.model._default_manager.filter(assignments__user_id__in=user_ids).values("pk")
        )

    def for_display(self) -> TaskQuerySet:
        """With everything a row, an answer or an event's state reads, in a fixed number of queries."""
        from apps.tasks.models import Assignment  # the models import this module

        assignments = models.Prefetch("assignments", Assignment.objects.select_related("user"))
        return self.select_related("project__team", "status", "creator").prefetch_related(assignments)

    def for_change(self) -> TaskQuerySet:
        """Locks the task rows alone, leaving foreign-key checks of others free to pass."""
        return self.select_for_update(no_key=True, of=("self",))
