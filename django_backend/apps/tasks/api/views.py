"""The REST door of tasks: parse, call one service or selector, render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.api.commands import run_request
from apps.common.api.conditional import if_match
from apps.common.api.pagination import keyset_page, limit_of, page_response
from apps.common.errors import Invalid, NotFound
from apps.common.idempotency.commands import Outcome
from apps.tasks import selectors
from apps.tasks.api import serializers as shapes
from apps.tasks.models import Category, Comment, Task
from apps.tasks.models.task import PRIORITY_KEYS
from apps.tasks.services import comments, projects, tasks
from apps.users.models import User

NEWEST_FIRST = ("-created_at", "-id")
IDEMPOTENCY_KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)
IF_MATCH = OpenApiParameter("If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER)
PAGING = [
    OpenApiParameter("cursor", OpenApiTypes.STR),
    OpenApiParameter("limit", OpenApiTypes.INT),
]


def paged(shape: Any) -> Any:
    """The schema of a page of `shape`."""
    return inline_serializer(
        f"{shape.__name__}Page",
        {"results": shape(many=True), "next": serializers.URLField(allow_null=True)},
    )


def parsed(shape: Any, request: Request) -> dict[str, Any]:
    """The body's checked values; raises DRF's ValidationError, which goes out as a problem."""
    form = shape(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


class TaskDoor(APIView):
    """What every view of a task shares: how a command is run and how its task goes out."""

    def run_on_task(self, request: Request, operation: Callable[[], Task], *, status: int = 200) -> Response:
        outcome = run_request(request, lambda: task_outcome(operation(), status))
        return self.task_response(request, outcome)

    def task_response(self, request: Request, outcome: Outcome) -> Response:
        """The task as it is now, with its ETag; a replayed command renders the same task anew.

        A command may take the task out of its actor's own view (they leave a personal task): then there is no body.
        """
        try:
            task = selectors.get_task(reader_of(request), outcome.object_id or 0)
        except NotFound:
            return Response(status=204)
        response = Response(shapes.TaskOut(task).data, status=outcome.status)
        response["ETag"] = task.etag
        if outcome.status == 201:
            response["Location"] = f"/api/tasks/{task.pk}/"
        return response


def reader_of(request: Request) -> User:
    """The signed-in person; the permission class let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def task_outcome(task: Task, status: int) -> Outcome:
    return Outcome(status=status, object_id=task.pk, version=task.version, result=task)


def comment_outcome(comment: Comment, status: int) -> Outcome:
    return Outcome(status=status, object_id=comment.pk, version=comment.version, result=comment)


class TaskListView(TaskDoor):
    @extend_schema(
        operation_id="tasks_list",
        parameters=[
            OpenApiParameter("project", OpenApiTypes.INT),
            OpenApiParameter("status", OpenApiTypes.INT, many=True),
            OpenApiParameter("category", OpenApiTypes.STR, many=True, enum=Category.values),
            OpenApiParameter("priority", OpenApiTypes.STR, many=True, enum=PRIORITY_KEYS),
            OpenApiParameter("assignee", OpenApiTypes.STR, many=True, description="An id, or me"),
            OpenApiParameter("q", OpenApiTypes.STR, description="Words in title or description"),
            OpenApiParameter("open", OpenApiTypes.BOOL),
            OpenApiParameter("overdue", OpenApiTypes.BOOL),
            *PAGING,
        ],
        responses=paged(shapes.TaskOut),
    )
    def get(self, request: Request) -> Response:
        """Tasks that you may see and that are not archived, newest first."""
        reader = reader_of(request)
        found = selectors.list_tasks(reader, **task_filters(request, reader))
        page = keyset_page(found, NEWEST_FIRST, cursor=request.GET.get("cursor"), limit=limit_of(request))
        return page_response(request, page, shapes.TaskOut)

    @extend_schema(
        operation_id="tasks_create",
        request=shapes.TaskIn,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: shapes.TaskOut},
    )
    def post(self, request: Request) -> Response:
        """Make a task; without a project it is personal."""
        values = parsed(shapes.TaskIn, request)
        return self.run_on_task(
            request,
            lambda: tasks.create_task(
                actor=reader_of(request),
                title=values["title"],
                project_id=values["project"],
                description=values["description"],
                priority=values["priority"],
                status_id=values["status"],
                due_date=values["due_date"],
                due_time=values["due_time"],
                assignee_ids=values["assignees"],
            ),
            status=201,
        )


class TaskView(TaskDoor):
    @extend_schema(operation_id="tasks_read", responses=shapes.TaskOut)
    def get(self, request: Request, task_id: int) -> Response:
        """One task. The ETag is its edit_version, for If-Match."""
        task = selectors.get_task(reader_of(request), task_id)
        return Response(shapes.TaskOut(task).data, headers={"ETag": task.etag})

    @extend_schema(
        operation_id="tasks_update",
        request=shapes.TaskPatch,
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        responses=shapes.TaskOut,
    )
    def patch(self, request: Request, task_id: int) -> Response:
        """Change the fields that are named. With `base`, other fields' changes are merged; a clash answers 409."""
        values = parsed(shapes.TaskPatch, request)
        base = values.pop("base", None)
        return self.edit(request, task_id, values, match=if_match(request), base=base)

    @extend_schema(
        operation_id="tasks_replace",
        request=shapes.TaskPut,
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        responses=shapes.TaskOut,
    )
    def put(self, request: Request, task_id: int) -> Response:
        """Replace the task's fields; needs If-Match (428 without it)."""
        selectors.get_task(reader_of(request), task_id)
        match = if_match(request, required=True)
        return self.edit(request, task_id, parsed(shapes.TaskPut, request), match=match)

    def edit(
        self,
        request: Request,
        task_id: int,
        changes: dict[str, Any],
        *,
        match: int | None,
        base: int | None = None,
    ) -> Response:
        return self.run_on_task(
            request,
            lambda: tasks.edit_task(
                actor=reader_of(request), task_id=task_id, changes=changes, if_match=match, base=base
            ),
        )


class TaskStatusView(TaskDoor):
    @extend_schema(
        operation_id="tasks_status",
        request=shapes.StatusIn,
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        responses=shapes.TaskOut,
    )
    def post(self, request: Request, task_id: int) -> Response:
        """Move the task to another status of its project."""
        values = parsed(shapes.StatusIn, request)
        match = if_match(request)
        return self.run_on_task(
            request,
            lambda: tasks.change_status(
                actor=reader_of(request), task_id=task_id, status_id=values["status"], if_match=match
            ),
        )


class TaskAssignView(TaskDoor):
    @extend_schema(
        operation_id="tasks_assign",
        request=shapes.AssignIn,
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        responses=shapes.TaskOut,
    )
    def post(self, request: Request, task_id: int) -> Response:
        """Put a person on the task."""
        values = parsed(shapes.AssignIn, request)
        match = if_match(request)
        return self.run_on_task(
            request,
            lambda: tasks.assign_task(
                actor=reader_of(request),
                task_id=task_id,
                user_id=values["user"],
                role=values["role"],
                if_match=match,
            ),
        )


class TaskUnassignView(TaskDoor):
    @extend_schema(
        operation_id="tasks_unassign",
        request=shapes.UnassignIn,
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        responses=shapes.TaskOut,
    )
    def post(self, request: Request, task_id: int) -> Response:
        """Take a person off the task."""
        values = parsed(shapes.UnassignIn, request)
        match = if_match(request)
        return self.run_on_task(
            request,
            lambda: tasks.unassign_task(
                actor=reader_of(request), task_id=task_id, user_id=values["user"], if_match=match
            ),
        )


class CommentDoor(APIView):
    def comment_response(self, request: Request, task_id: int, outcome: Outcome) -> Response:
        reader = reader_of(request)
        comment = selectors.get_comment(reader, selectors.get_task(reader, task_id), outcome.object_id or 0)
        response = Response(shapes.CommentOut(comment).data, status=outcome.status)
        if outcome.status == 201:
            response["Location"] = f"/api/tasks/{task_id}/comments/{comment.pk}/"
        return response


class CommentListView(CommentDoor):
    @extend_schema(operation_id="comments_list", parameters=PAGING, responses=paged(shapes.CommentOut))
    def get(self, request: Request, task_id: int) -> Response:
        """The task's comments, oldest first."""
        reader = reader_of(request)
        found = selectors.list_comments(reader, selectors.get_task(reader, task_id))
        page = keyset_page(
            found, ("created_at", "id"), cursor=request.GET.get("cursor"), limit=limit_of(request)
        )
        return page_response(request, page, shapes.CommentOut)

    @extend_schema(
        operation_id="comments_create",
        request=shapes.CommentIn,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: shapes.CommentOut},
    )
    def post(self, request: Request, task_id: int) -> Response:
        """Say something about the task."""
        values = parsed(shapes.CommentIn, request)
        actor = reader_of(request)
        outcome = run_request(
            request,
            lambda: comment_outcome(
                comments.add_comment(actor=actor, task_id=task_id, body=values["body"]), 201
            ),
        )
        return self.comment_response(request, task_id, outcome)


class CommentView(CommentDoor):
    @extend_schema(
        operation_id="comments_update",
        request=shapes.CommentIn,
        parameters=[IDEMPOTENCY_KEY],
        responses=shapes.CommentOut,
    )
    def patch(self, request: Request, task_id: int, comment_id: int) -> Response:
        """Change your own comment."""
        values = parsed(shapes.CommentIn, request)
        actor = reader_of(request)
        outcome = run_request(
            request,
            lambda: comment_outcome(
                comments.edit_comment(
                    actor=actor, task_id=task_id, comment_id=comment_id, body=values["body"]
                ),
                200,
            ),
        )
        return self.comment_response(request, task_id, outcome)

    @extend_schema(operation_id="comments_delete", parameters=[IDEMPOTENCY_KEY], responses={204: None})
    def delete(self, request: Request, task_id: int, comment_id: int) -> Response:
        """Take a comment's text away; its mark stays."""
        actor = reader_of(request)
        outcome = run_request(
            request,
            lambda: comment_outcome(
                comments.delete_comment(actor=actor, task_id=task_id, comment_id=comment_id), 204
            ),
        )
        return Response(status=outcome.status)


class HistoryView(APIView):
    @extend_schema(operation_id="tasks_history", parameters=PAGING, responses=paged(shapes.HistoryOut))
    def get(self, request: Request, task_id: int) -> Response:
        """What happened to the task, in order."""
        reader = reader_of(request)
        found = selectors.list_history(reader, selectors.get_task(reader, task_id))
        page = keyset_page(found, ("version",), cursor=request.GET.get("cursor"), limit=limit_of(request))
        return page_response(request, page, shapes.HistoryOut)


class ActivityView(APIView):
    @extend_schema(operation_id="activity_list", parameters=PAGING, responses=paged(shapes.ActivityOut))
    def get(self, request: Request) -> Response:
        """What happened where you may look, newest first."""
        found = selectors.list_activity(reader_of(request))
        page = keyset_page(found, ("-seq",), cursor=request.GET.get("cursor"), limit=limit_of(request))
        return page_response(request, page, shapes.ActivityOut)


class NotificationView(APIView):
    @extend_schema(
        operation_id="notifications_list", parameters=PAGING, responses=paged(shapes.NotificationOut)
    )
    def get(self, request: Request) -> Response:
        """What may interest you, newest first."""
        found = selectors.list_notifications(reader_of(request))
        page = keyset_page(found, ("-seq", "-id"), cursor=request.GET.get("cursor"), limit=limit_of(request))
        return page_response(request, page, shapes.NotificationOut)


class ProjectListView(APIView):
    scope_needed = "admin"

    @extend_schema(operation_id="projects_list", parameters=PAGING, responses=paged(shapes.ProjectOut))
    def get(self, request: Request) -> Response:
        """The projects you may see, by key."""
        found = selectors.visible_projects(reader_of(request)).prefetch_related("statuses")
        page = keyset_page(found, ("key",), cursor=request.GET.get("cursor"), limit=limit_of(request))
        return page_response(request, page, shapes.ProjectOut)

    @extend_schema(
        operation_id="projects_create",
        request=shapes.ProjectIn,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: shapes.ProjectOut},
    )
    def post(self, request: Request) -> Response:
        """Make a project in a team of yours."""
        values = parsed(shapes.ProjectIn, request)
        actor = reader_of(request)

        def operation() -> Outcome:
            project = projects.create_project(
                actor=actor,
                team_id=values["team"],
                key=values["key"],
                name=values["name"],
                description=values["description"],
                visibility=values["visibility"],
            )
            return Outcome(status=201, object_id=project.pk, version=project.version)

        outcome = run_request(request, operation)
        project = selectors.get_project(actor, outcome.object_id or 0)
        return Response(shapes.ProjectOut(project).data, status=outcome.status)


class ProjectView(APIView):
    @extend_schema(operation_id="projects_read", responses=shapes.ProjectOut)
    def get(self, request: Request, project_id: int) -> Response:
        """One project with its statuses."""
        return Response(shapes.ProjectOut(selectors.get_project(reader_of(request), project_id)).data)


class ProjectMemberListView(APIView):
    scope_needed = "admin"

    @extend_schema(
        operation_id="project_members_list", parameters=PAGING, responses=paged(shapes.ProjectMemberOut)
    )
    def get(self, request: Request, project_id: int) -> Response:
        """Who was added to the project itself."""
        project = selectors.get_project(reader_of(request), project_id)
        found = project.memberships.select_related("user")
        page = keyset_page(found, ("id",), cursor=request.GET.get("cursor"), limit=limit_of(request))
        return page_response(request, page, shapes.ProjectMemberOut)

    @extend_schema(
        operation_id="project_members_add",
        request=shapes.ProjectMemberIn,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: shapes.ProjectMemberOut},
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Give somebody of the team a role in the project."""
        values = parsed(shapes.ProjectMemberIn, request)
        actor = reader_of(request)

        def operation() -> Outcome:
            membership = projects.add_project_member(
                actor=actor, project_id=project_id, user_id=values["user"], role=values["role"]
            )
            return Outcome(status=201, object_id=membership.pk)

        outcome = run_request(request, operation)
        project = selectors.get_project(actor, project_id)
        membership = project.memberships.select_related("user").get(pk=outcome.object_id or 0)
        return Response(shapes.ProjectMemberOut(membership).data, status=outcome.status)


def task_filters(request: Request, reader: User) -> dict[str, Any]:
    """The query's filters as plain values for `list_tasks`; raises Invalid with the parameter that is wrong."""
    query = request.GET
    project = _numbers(query.getlist("project"), "project")
    if len(project) > 1:
        raise Invalid(fields={"project": ["Name one project."]})
    return {
        "project_id": project[0] if project else None,
        "status_ids": _numbers(query.getlist("status"), "status"),
        "categories": _choices(query.getlist("category"), "category", Category.values),
        "priorities": _choices(query.getlist("priority"), "priority", PRIORITY_KEYS),
        "assignee_ids": _numbers(
            [str(reader.pk) if value == "me" else value for value in query.getlist("assignee")], "assignee"
        ),
        "text": query.get("q", "").replace("\x00", ""),
        "open_only": _flag(query.get("open"), "open"),
        "overdue_only": _flag(query.get("overdue"), "overdue"),
    }


def _numbers(values: list[str], name: str) -> list[int]:
    if not all(value.isascii() and value.isdigit() and len(value) < 19 for value in values):
        raise Invalid(fields={name: ["Use ids."]}, code="invalid_filter")
    return [int(value) for value in values]


def _choices(values: list[str], name: str, allowed: list[str]) -> list[str]:
    if not set(values) <= set(allowed):
        raise Invalid(fields={name: [f"Use one of: {', '.join(allowed)}."]}, code="invalid_filter")
    return values


def _flag(value: str | None, name: str) -> bool:
    if value not in (None, "0", "1", "true", "false"):
        raise Invalid(fields={name: ["Use 1 or 0."]}, code="invalid_filter")
    return value in ("1", "true")
