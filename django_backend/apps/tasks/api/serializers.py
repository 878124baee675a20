"""JSON in and out. Input and output are two shapes; nothing here writes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.common.api.fields import IdField, StrictSerializer
from apps.common.models import Activity, Notification
from apps.common.pages.markdown import render_markdown
from apps.tasks.models import AssignmentRole, Category, Comment, History, Project, Task, Visibility
from apps.tasks.models.comment import BODY_LENGTH
from apps.tasks.models.task import PRIORITY_KEYS, TITLE_LENGTH
from apps.tasks.services.tasks import DESCRIPTION_LENGTH
from apps.users.models import Role, User


class PersonOut(serializers.Serializer[User]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="display_name")
    username = serializers.CharField()


class StatusOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    category = serializers.ChoiceField(choices=Category.choices)


class AssigneeOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="user.id")
    name = serializers.CharField(source="user.display_name")
    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(choices=AssignmentRole.choices)


class TaskOut(serializers.Serializer[Task]):
    """A task as every door shows it. Dates are days, moments are RFC 3339 in UTC, hours are decimal text."""

    id = serializers.IntegerField()
    key = serializers.CharField(allow_null=True)
    number = serializers.IntegerField(allow_null=True)
    project = serializers.IntegerField(source="project_id", allow_null=True)
    team = serializers.IntegerField(source="project.team_id", allow_null=True, default=None)
    title = serializers.CharField()
    description = serializers.CharField()
    status = StatusOut()
    priority = serializers.ChoiceField(source="priority_key", choices=PRIORITY_KEYS)
    creator = PersonOut()
    assignees = AssigneeOut(source="assignments", many=True)
    start_date = serializers.DateField(allow_null=True)
    start_time = serializers.TimeField(allow_null=True, format="%H:%M")
    due_date = serializers.DateField(allow_null=True)
    due_time = serializers.TimeField(allow_null=True, format="%H:%M")
    due_at = serializers.DateTimeField(allow_null=True)
    estimated_hours = serializers.DecimalField(max_digits=8, decimal_places=2, allow_null=True)
    actual_hours = serializers.DecimalField(max_digits=8, decimal_places=2, allow_null=True)
    parent = serializers.IntegerField(source="parent_id", allow_null=True)  # type: ignore[assignment]
    completed_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    edit_version = serializers.IntegerField()


class TaskIn(StrictSerializer):
    """What makes a task."""

    title = serializers.CharField(max_length=TITLE_LENGTH)
    project = IdField(required=False, allow_null=True, default=None)
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=DESCRIPTION_LENGTH, trim_whitespace=False
    )
    priority = serializers.ChoiceField(choices=PRIORITY_KEYS, required=False, default="medium")
    status = IdField(required=False, allow_null=True, default=None)
    due_date = serializers.DateField(required=False, allow_null=True, default=None)
    due_time = serializers.TimeField(required=False, allow_null=True, default=None)
    assignees = serializers.ListField(child=IdField(), required=False, default=list, max_length=50)


class TaskPatch(StrictSerializer):
    """JSON Merge Patch of a task: only the fields that are named change.

    `base` is the edit_version you started from.
    """

    title = serializers.CharField(max_length=TITLE_LENGTH, required=False)
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=DESCRIPTION_LENGTH, trim_whitespace=False
    )
    priority = serializers.ChoiceField(choices=PRIORITY_KEYS, required=False)
    status = IdField(required=False)
    due_date = serializers.DateField(required=False, allow_null=True)
    due_time = serializers.TimeField(required=False, allow_null=True)
    base = serializers.IntegerField(required=False, min_value=1, write_only=True)


class TaskPut(TaskPatch):
    """A whole task: what is not named goes back to its default."""

    title = serializers.CharField(max_length=TITLE_LENGTH)
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=DESCRIPTION_LENGTH, trim_whitespace=False
    )
    priority = serializers.ChoiceField(choices=PRIORITY_KEYS, required=False, default="medium")
    status = IdField()
    due_date = serializers.DateField(required=False, allow_null=True, default=None)
    due_time = serializers.TimeField(required=False, allow_null=True, default=None)
    base = None  # type: ignore[assignment]


class StatusIn(StrictSerializer):
    status = IdField()


class AssignIn(StrictSerializer):
    user = IdField()
    role = serializers.ChoiceField(
        choices=AssignmentRole.choices, required=False, default=AssignmentRole.OWNER.value
    )


class UnassignIn(StrictSerializer):
    user = IdField()


class CommentIn(StrictSerializer):
    body = serializers.CharField(max_length=BODY_LENGTH, trim_whitespace=False)


class CommentOut(serializers.Serializer[Comment]):
    """A comment; a deleted one has empty texts and `deleted_at`. `body_html` is safe to show."""

    id = serializers.IntegerField()
    task = serializers.IntegerField(source="task_id")
    author = PersonOut()
    body = serializers.CharField()
    body_html = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def get_body_html(self, comment: Comment) -> str:
        return render_markdown(comment.body)


class HistoryOut(serializers.Serializer[History]):
    """One fact: who, when, what, from, to."""

    id = serializers.IntegerField()
    type = serializers.CharField()
    version = serializers.IntegerField()
    actor = serializers.IntegerField(source="actor_id", allow_null=True)
    at = serializers.DateTimeField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class ActivityOut(serializers.Serializer[Activity]):
    id = serializers.UUIDField(source="event_id")
    seq = serializers.IntegerField()
    type = serializers.CharField()
    actor = serializers.IntegerField(source="actor_id", allow_null=True)
    at = serializers.DateTimeField()
    team = serializers.IntegerField(source="team_id", allow_null=True)
    project = serializers.IntegerField(source="project_id", allow_null=True)
    task = serializers.IntegerField(source="task_id", allow_null=True)
    data = serializers.JSONField()  # type: ignore[assignment]  # a field, taken off the class by DRF


class NotificationOut(serializers.Serializer[Notification]):
    id = serializers.UUIDField(source="event_id")
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.IntegerField(source="actor_id", allow_null=True)
    at = serializers.DateTimeField()
    project = serializers.IntegerField(source="project_id", allow_null=True)
    task = serializers.IntegerField(source="task_id", allow_null=True)
    data = serializers.JSONField()  # type: ignore[assignment]  # a field, taken off the class by DRF


class ProjectIn(StrictSerializer):
    team = IdField()
    key = serializers.CharField(max_length=10)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=DESCRIPTION_LENGTH
    )
    visibility = serializers.ChoiceField(
        choices=Visibility.choices, required=False, default=Visibility.TEAM.value
    )


class ProjectOut(serializers.Serializer[Project]):
    id = serializers.IntegerField()
    team = serializers.IntegerField(source="team_id")
    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    visibility = serializers.ChoiceField(choices=Visibility.choices)
    statuses = StatusOut(many=True)
    created_at = serializers.DateTimeField()


class ProjectMemberIn(StrictSerializer):
    user = IdField()
    role = serializers.ChoiceField(choices=Role.choices)


class ProjectMemberOut(serializers.Serializer[Any]):
    user = PersonOut()
    role = serializers.ChoiceField(choices=Role.choices)
