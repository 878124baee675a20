"""Commands over the socket answer as the API does."""

from __future__ import annotations

import pytest

from apps.tasks.models import Comment, Status, Task
from apps.tasks.services.comments import add_comment
from apps.tasks.tests.live.log import make


@pytest.fixture
def page(cast, open_page):
    return open_page(cast.member)


@pytest.fixture
def task(cast):
    return make(cast.owner, "Write", cast.project)


@pytest.fixture
def get(cast, api):
    return lambda path: api(cast.member).get(path).json()


def test_create_task(cast, page, get):
    values = {
        "title": "By socket",
        "project_id": cast.project.pk,
        "priority": "high",
        "due_date": "2026-12-01",
    }
    answer = page.command("create_task", "key-1", **values, assignee_ids=[cast.admin.pk])
    assert answer["status"] == 201
    assert answer["body"] == get(f"/api/tasks/{answer['body']['id']}/")
    assert answer["body"]["priority"] == "high"
    assert [person["id"] for person in answer["body"]["assignees"]] == [cast.admin.pk]


def test_edit_task(page, task, get):
    answer = page.command("edit_task", "key-1", task_id=task.pk, changes={"title": "Written"}, base=1)
    assert (answer["status"], answer["body"]["title"]) == (200, "Written")
    assert answer["body"] == get(f"/api/tasks/{task.pk}/")


def test_change_status(cast, page, task, get):
    done = Status.objects.get(project=cast.project, category="done")
    answer = page.command("change_status", "key-1", task_id=task.pk, status_id=done.pk)
    assert (answer["status"], answer["body"]["status"]["category"]) == (200, "done")
    assert answer["body"] == get(f"/api/tasks/{task.pk}/")


def test_assign_and_unassign(cast, page, task, get):
    answer = page.command("assign_task", "key-1", task_id=task.pk, user_id=cast.admin.pk, role="collaborator")
    assert answer["body"] == get(f"/api/tasks/{task.pk}/")
    assert answer["body"]["assignees"][0]["role"] == "collaborator"
    answer = page.command("unassign_task", "key-2", task_id=task.pk, user_id=cast.admin.pk)
    assert (answer["status"], answer["body"]["assignees"]) == (200, [])


def test_comment_edit_and_delete(page, task, get):
    added = page.command("add_comment", "key-1", task_id=task.pk, body="Said *so*")
    assert added["status"] == 201
    assert added["body"] == get(f"/api/tasks/{task.pk}/comments/")["results"][0]
    place = {"task_id": task.pk, "comment_id": added["body"]["id"]}
    edited = page.command("edit_comment", "key-2", **place, body="Said otherwise")
    assert (edited["status"], edited["body"]["body"]) == (200, "Said otherwise")
    deleted = page.command("delete_comment", "key-3", **place)
    assert (deleted["status"], deleted["body"]) == (204, None)
    assert Comment.objects.get().deleted_at is not None


def test_the_same_key_is_carried_out_once(cast, page):
    values = {"title": "Once", "project_id": cast.project.pk}
    first, second = (page.command("create_task", "key-1", **values) for _ in range(2))
    assert first["body"] == second["body"]
    assert (first["status"], second["status"]) == (201, 201)
    assert Task.objects.filter(title="Once").count() == 1


def test_a_key_used_for_something_else_is_refused(cast, page):
    page.command("create_task", "key-1", title="One", project_id=cast.project.pk)
    answer = page.command("create_task", "key-1", title="Two", project_id=cast.project.pk)
    assert (answer["status"], answer["problem"]["code"]) == (422, "idempotency_key_reused")


def test_a_command_without_a_key_is_refused(page):
    page.say(type="command", ref="r", name="create_task", args={"title": "No key"})
    answer = page.until("result", ref="r")
    assert (answer["status"], answer["problem"]["code"]) == (400, "key_required")


def test_an_unknown_command_is_refused(page):
    answer = page.command("drop_table", "key-1")
    assert (answer["status"], answer["problem"]["code"]) == (400, "unknown_command")


TASKS, TASK = "/api/tasks/", "/api/tasks/{task}/"
COMMENTS = TASK + "comments/"
# The command and its values; the same for the API: method, path, body (None: the same values).
WRONG = [
    ("create_task", {"title": ""}, "post", TASKS, None),
    ("create_task", {"title": "x" * 201, "priority": "huge"}, "post", TASKS, None),
    ("create_task", {"title": "T", "creator": 1}, "post", TASKS, None),
    ("create_task", {"title": "T", "project_id": 999_999}, "post", TASKS, {"title": "T", "project": 999_999}),
    ("create_task", {"title": "T", "status_id": True}, "post", TASKS, {"title": "T", "status": True}),
    ("change_status", {"status_id": 999_999}, "post", TASK + "status/", {"status": 999_999}),
    ("change_status", {}, "post", TASK + "status/", None),
    ("assign_task", {"user_id": 999_999}, "post", TASK + "assign/", {"user": 999_999}),
    ("edit_task", {"changes": {"title": "x" * 201}}, "patch", TASK, {"title": "x" * 201}),
    ("edit_task", {"changes": {"number": 7}}, "patch", TASK, {"number": 7}),
    ("add_comment", {"body": " "}, "post", COMMENTS, None),
    ("add_comment", {"body": "Not\x00 storable"}, "post", COMMENTS, None),
    ("edit_comment", {"comment_id": 999_999, "body": "B"}, "patch", COMMENTS + "999999/", {"body": "B"}),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[0]}-{sorted(case[1])}")
def test_a_wrong_value_gets_the_apis_answer(cast, page, task, api, case):
    name, args, method, path, body = case
    on_task = {} if name == "create_task" else {"task_id": task.pk}
    answer = page.command(name, "key-1", **on_task, **args)
    response = getattr(api(cast.member), method)(
        path.format(task=task.pk), args if body is None else body, format="json"
    )
    assert answer["status"] == response.status_code >= 400
    assert answer["problem"] == response.json()


def test_a_stale_version_gets_the_apis_answer(cast, page, task, api):
    answer = page.command("edit_task", "key-1", task_id=task.pk, changes={"title": "Late"}, if_match=99)
    response = api(cast.member).patch(
        f"/api/tasks/{task.pk}/", {"title": "Late"}, format="json", headers={"If-Match": '"99"'}
    )
    assert (answer["status"], response.status_code) == (412, 412)
    assert answer["problem"] == response.json()


def test_what_is_not_allowed_gets_the_apis_answer(cast, open_page, task, api):
    theirs = add_comment(actor=cast.owner, task_id=task.pk, body="Mine")
    page = open_page(cast.guest)
    place = {"task_id": task.pk, "comment_id": theirs.pk}
    answers = [
        (
            page.command("edit_task", "key-1", task_id=task.pk, changes={"title": "No"}),
            api(cast.guest).patch(f"/api/tasks/{task.pk}/", {"title": "No"}, format="json"),
        ),
        (
            page.command("delete_comment", "key-2", **place),
            api(cast.guest).delete(f"/api/tasks/{task.pk}/comments/{theirs.pk}/"),
        ),
    ]
    for answer, response in answers:
        assert (answer["status"], answer["problem"]) == (403, response.json())


def test_an_outsiders_command_gets_the_answer_of_an_absent_task(cast, open_page, task):
    page = open_page(cast.outsider)
    invisible = page.command("add_comment", "key-1", task_id=task.pk, body="Hello?")
    absent = page.command("add_comment", "key-2", task_id=999_999_999, body="Hello?")
    assert invisible["status"] == 404
    assert invisible["problem"] == absent["problem"]


def test_commands_of_one_socket_run_in_order(cast, page, task):
    for number in range(10):
        page.say(
            type="command",
            ref=number,
            key=f"key-{number}",
            name="edit_task",
            args={"task_id": task.pk, "changes": {"title": f"Title {number}"}},
        )
    results = [page.until("result") for _ in range(10)]
    assert [result["ref"] for result in results] == list(range(10))
    assert [result["body"]["version"] for result in results] == list(range(2, 12))
    task.refresh_from_db()
    assert task.title == "Title 9"
