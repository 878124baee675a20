"""Every operation through every door it has: the same rows, the same history, the same events.

The reference is the service called directly; API, page and socket must leave the very same trace (ids and times aside).
An operation without a line here, or a line without an operation, fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from apps.tasks.models import Comment, Task
from apps.tasks.services import comments, tasks
from apps.tasks.tests.facts import assert_whole, trace
from apps.tasks.tests.live.page import Page, cookie_of
from apps.users.tests.cast import Cast, client_of

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, slots=True)
class Doors:
    """What a door's case works with: one actor at each door, and a task (with a comment) of its own."""

    cast: Cast
    task: Task
    comment: Comment
    client: Any
    browser: Client
    socket: Page

    @property
    def done(self) -> int:
        return self.cast.project.statuses.get(category="done").pk

    @property
    def api(self) -> str:
        return f"/api/tasks/{self.task.pk}/"

    @property
    def page(self) -> str:
        return f"/tasks/{self.task.pk}/"

    def command(self, name: str, **args: Any) -> int:
        return self.socket.command(name, str(uuid4()), **args)["status"]

    def post(self, path: str, **values: Any) -> int:
        return self.browser.post(path, {**values, "idempotency_key": str(uuid4())}).status_code


Case = Callable[[Doors], int]
NEW = {"title": "Print the list", "description": "As *PDF*", "priority": "high", "due_date": "2026-12-01"}

SERVICE: dict[str, Callable[[Doors], Any]] = {
    "create_task": lambda d: tasks.create_task(
        actor=d.cast.member,
        title="Print the list",
        description="As *PDF*",
        priority="high",
        project_id=d.cast.project.pk,
        due_date=date(2026, 12, 1),
        assignee_ids=[d.cast.admin.pk],
    ),
    "edit_task": lambda d: tasks.edit_task(
        actor=d.cast.member, task_id=d.task.pk, changes={"title": "Newer", "priority": "low"}
    ),
    "change_status": lambda d: tasks.change_status(actor=d.cast.member, task_id=d.task.pk, status_id=d.done),
    "assign_task": lambda d: tasks.assign_task(
        actor=d.cast.member, task_id=d.task.pk, user_id=d.cast.owner.pk
    ),
    "unassign_task": lambda d: tasks.unassign_task(
        actor=d.cast.member, task_id=d.task.pk, user_id=d.cast.admin.pk
    ),
    "add_comment": lambda d: comments.add_comment(actor=d.cast.member, task_id=d.task.pk, body="Hello"),
    "edit_comment": lambda d: comments.edit_comment(
        actor=d.cast.member, task_id=d.task.pk, comment_id=d.comment.pk, body="Changed"
    ),
    "delete_comment": lambda d: comments.delete_comment(
        actor=d.cast.member, task_id=d.task.pk, comment_id=d.comment.pk
    ),
}

CASES: dict[tuple[str, str], tuple[Case, int]] = {
    ("create_task", "api"): (
        lambda d: (
            d.client.post(
                "/api/tasks/",
                {**NEW, "project": d.cast.project.pk, "assignees": [d.cast.admin.pk]},
                format="json",
            ).status_code
        ),
        201,
    ),
    ("create_task", "page"): (
        lambda d: d.post("/tasks/new/", **NEW, project=d.cast.project.pk, assignees=[d.cast.admin.pk]),
        302,
    ),
    ("create_task", "socket"): (
        lambda d: d.command(
            "create_task", **NEW, project_id=d.cast.project.pk, assignee_ids=[d.cast.admin.pk]
        ),
        201,
    ),
    ("edit_task", "api"): (
        lambda d: d.client.patch(d.api, {"title": "Newer", "priority": "low"}, format="json").status_code,
        200,
    ),
    ("edit_task", "socket"): (
        lambda d: d.command("edit_task", task_id=d.task.pk, changes={"title": "Newer", "priority": "low"}),
        200,
    ),
    ("change_status", "api"): (
        lambda d: d.client.post(f"{d.api}status/", {"status": d.done}, format="json").status_code,
        200,
    ),
    ("change_status", "page"): (lambda d: d.post(f"{d.page}status/", status=d.done), 302),
    ("change_status", "socket"): (
        lambda d: d.command("change_status", task_id=d.task.pk, status_id=d.done),
        200,
    ),
    ("assign_task", "api"): (
        lambda d: d.client.post(f"{d.api}assign/", {"user": d.cast.owner.pk}, format="json").status_code,
        200,
    ),
    ("assign_task", "page"): (lambda d: d.post(f"{d.page}assign/", user=d.cast.owner.pk), 302),
    ("assign_task", "socket"): (
        lambda d: d.command("assign_task", task_id=d.task.pk, user_id=d.cast.owner.pk),
        200,
    ),
    ("unassign_task", "api"): (
        lambda d: d.client.post(f"{d.api}unassign/", {"user": d.cast.admin.pk}, format="json").status_code,
        200,
    ),
    ("unassign_task", "page"): (lambda d: d.post(f"{d.page}unassign/", user=d.cast.admin.pk), 302),
    ("unassign_task", "socket"): (
        lambda d: d.command("unassign_task", task_id=d.task.pk, user_id=d.cast.admin.pk),
        200,
    ),
    ("add_comment", "api"): (
        lambda d: d.client.post(f"{d.api}comments/", {"body": "Hello"}, format="json").status_code,
        201,
    ),
    ("add_comment", "page"): (lambda d: d.post(f"{d.page}comments/", body="Hello"), 302),
    ("add_comment", "socket"): (lambda d: d.command("add_comment", task_id=d.task.pk, body="Hello"), 201),
    ("edit_comment", "api"): (
        lambda d: (
            d.client.patch(f"{d.api}comments/{d.comment.pk}/", {"body": "Changed"}, format="json").status_code
        ),
        200,
    ),
    ("edit_comment", "page"): (
        lambda d: d.post(f"{d.page}comments/{d.comment.pk}/edit/", body="Changed"),
        302,
    ),
    ("edit_comment", "socket"): (
        lambda d: d.command("edit_comment", task_id=d.task.pk, comment_id=d.comment.pk, body="Changed"),
        200,
    ),
    ("delete_comment", "api"): (
        lambda d: d.client.delete(f"{d.api}comments/{d.comment.pk}/").status_code,
        204,
    ),
    ("delete_comment", "page"): (lambda d: d.post(f"{d.page}comments/{d.comment.pk}/delete/"), 302),
    ("delete_comment", "socket"): (
        lambda d: d.command("delete_comment", task_id=d.task.pk, comment_id=d.comment.pk),
        204,
    ),
}
# The page for editing title and description comes with the issue of the pages.
WITHOUT_PAGE = {"edit_task"}


@pytest.fixture
def doors(cast, open_page):
    client = client_of(cast.member)
    browser = Client()
    browser.cookies = SimpleCookie(cookie_of(cast.member))
    socket = open_page(cast.member)

    def fresh() -> Doors:
        task = tasks.create_task(
            actor=cast.member, title="Old", project_id=cast.project.pk, assignee_ids=[cast.admin.pk]
        )
        comment = comments.add_comment(actor=cast.member, task_id=task.pk, body="First")
        return Doors(cast, task, comment, client, browser, socket)

    return fresh


def changed_task(doors: Doors, operation: str) -> Task:
    """The task the operation made or changed."""
    return Task.objects.latest("pk") if operation == "create_task" else doors.task


@pytest.mark.parametrize(("operation", "door"), CASES)
def test_a_door_leaves_the_trace_of_the_service(doors, operation, door):
    reference = doors()
    SERVICE[operation](reference)
    expected = trace(changed_task(reference, operation))

    case, status = CASES[operation, door]
    through = doors()
    assert case(through) == status
    task = changed_task(through, operation)
    assert trace(task) == expected
    assert_whole(task, pending=False)  # a relay runs beside this test and may have taken the pending rows


def is_operation(function: Callable[..., Any]) -> bool:
    """Operations take their actor by keyword, as the house has it; what else stands there is a part of one."""
    actor = inspect.signature(function).parameters.get("actor")
    return actor is not None and actor.kind is inspect.Parameter.KEYWORD_ONLY


def test_every_operation_has_a_case_at_every_door_it_has():
    operations = {
        name
        for module in (tasks, comments)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and is_operation(function)
    }
    expected = {
        (name, door)
        for name in operations
        for door in ("api", "page", "socket")
        if not (door == "page" and name in WITHOUT_PAGE)
    }
    assert set(CASES) == expected
    assert set(SERVICE) == operations
