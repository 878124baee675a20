"""Every form, sent as a browser without script sends it."""

from __future__ import annotations

import html
import re
import uuid

import pytest

from apps.common.models import EventRow
from apps.tasks.models import Comment, Status, Task
from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import assign_task, create_task
from apps.tasks.tests.facts import assert_whole, event_types

pytestmark = pytest.mark.django_db


def status_of(cast, category):
    return Status.objects.get(project=cast.project, category=category)


def test_a_task_is_made_with_everything_the_form_holds(cast, browser, key):
    answer = browser(cast.member).post(
        "/tasks/new/",
        {
            "title": "  Order scanners ",
            "description": "Three.\r\n",
            "project": cast.project.pk,
            "priority": "high",
            "due_date": "2026-12-04",
            "due_time": "17:30",
            "assignees": [cast.guest.pk, cast.member.pk],
            "idempotency_key": key,
        },
    )
    task = Task.objects.get()
    assert answer["Location"] == f"/tasks/{task.ref}/"
    assert (task.title, task.priority_key, str(task.due_date), task.due_time.isoformat()) == (
        "Order scanners",
        "high",
        "2026-12-04",
        "17:30:00",
    )
    assert {a.user_id for a in task.assignments.all()} == {cast.guest.pk, cast.member.pk}
    assert event_types(task) == ["task.created", "task.assigned", "task.assigned"]
    assert_whole(task)


def test_a_task_without_a_project_is_personal(cast, browser):
    browser(cast.member).post("/tasks/new/", {"title": "Mine", "priority": "low", "project": ""})
    assert Task.objects.get().project is None


def test_create_and_add_another_offers_an_empty_form_in_the_same_project(cast, browser):
    reader = browser(cast.member)
    answer = reader.post(
        "/tasks/new/",
        {"title": "First", "priority": "low", "project": cast.project.pk, "another": "1"},
        follow=True,
    )
    page = answer.content.decode()
    assert answer.redirect_chain == [(f"/tasks/new/?project={cast.project.pk}", 302)]
    assert "OPS-1 is made: First" in page
    assert f'<option value="{cast.project.pk}" selected>' in page


def test_what_was_typed_stays_and_each_error_is_beside_its_field_and_linked_on_top(cast, browser):
    answer = browser(cast.member).post(
        "/tasks/new/",
        {
            "title": " ",
            "description": "<b>typed</b> & kept",
            "project": cast.project.pk,
            "priority": "urgent",
            "due_date": "soon",
            "due_time": "17:30",
            "assignees": [cast.guest.pk],
        },
    )
    page = answer.content.decode()
    assert (answer.status_code, Task.objects.count()) == (400, 0)
    assert "&lt;b&gt;typed&lt;/b&gt; &amp; kept" in page
    assert '<option value="urgent" selected>' in page
    assert f'<option value="{cast.project.pk}" selected>' in page
    assert 'value="soon"' in page and 'value="17:30"' in page
    assert re.search(rf'value="{cast.guest.pk}" checked', page)
    for field in ("title", "due_date"):
        assert f'<a href="#id_{field}">' in page and f'id="e-{field}"' in page
        assert re.search(rf'id="id_{field}"[^>]*aria-invalid="true" aria-describedby="e-{field}"', page)


def test_what_the_service_refuses_is_shown_in_the_form_too(cast, browser):
    answer = browser(cast.member).post(
        "/tasks/new/", {"title": "No day", "priority": "low", "due_time": "17:30"}
    )
    page = answer.content.decode()
    assert answer.status_code == 400 and 'value="No day"' in page
    assert "Give the day as well." in page and '<a href="#id_due_time">' in page


def test_a_project_of_others_is_no_choice(cast, browser):
    answer = browser(cast.outsider).post(
        "/tasks/new/", {"title": "Inside", "priority": "low", "project": cast.project.pk}
    )
    assert (answer.status_code, Task.objects.count()) == (400, 0)
    assert "Operations" not in answer.content.decode()


def test_a_form_sent_twice_makes_one_task(cast, browser, key):
    reader, form = browser(cast.member), {"title": "Once", "priority": "low", "idempotency_key": key}
    first, second = (reader.post("/tasks/new/", form) for _ in range(2))
    assert (first.status_code, first["Location"]) == (second.status_code, second["Location"])
    assert (Task.objects.count(), EventRow.objects.filter(type="task.created").count()) == (1, 1)


def test_a_form_sent_again_with_other_words_is_shown_again_with_a_new_key(cast, browser, key):
    reader = browser(cast.member)
    reader.post("/tasks/new/", {"title": "Once", "priority": "low", "idempotency_key": key})
    answer = reader.post("/tasks/new/", {"title": "Twice", "priority": "low", "idempotency_key": key})
    page = answer.content.decode()
    assert answer.status_code == 422 and 'value="Twice"' in page and "You sent this form before" in page
    assert key not in page and 'name="idempotency_key"' in page
    assert Task.objects.count() == 1


@pytest.mark.parametrize("key", ["x" * 300, "bad\x07key"])
def test_an_unusable_key_is_refused_without_losing_what_was_typed(cast, browser, key):
    answer = browser(cast.member).post(
        "/tasks/new/", {"title": "Kept", "priority": "low", "idempotency_key": key}
    )
    assert answer.status_code == 400 and 'value="Kept"' in answer.content.decode()
    assert Task.objects.count() == 0


def test_the_status_form_moves_the_task_and_says_so_in_its_thread(cast, browser, task, key):
    reader = browser(cast.member)
    answer = reader.post(
        f"/tasks/{task.ref}/status/",
        {"status": status_of(cast, "done").pk, "idempotency_key": key},
        follow=True,
    )
    assert answer.redirect_chain == [(f"/tasks/{task.ref}/", 302)]
    assert "moved this from" in answer.content.decode()
    assert event_types(task)[-1] == "task.status_changed"
    assert_whole(task)
    assert task.completed_at is not None


def test_assigning_and_unassigning_by_form(cast, browser, task):
    reader = browser(cast.member)
    reader.post(f"/tasks/{task.ref}/assign/", {"user": cast.guest.pk, "idempotency_key": uuid.uuid4()})
    assert [a.user_id for a in task.assignments.all()] == [cast.guest.pk]
    page = reader.get(f"/tasks/{task.ref}/").content.decode()
    assert f"assigned <b>{cast.guest.display_name}</b>" in page
    reader.post(f"/tasks/{task.ref}/unassign/", {"user": cast.guest.pk, "idempotency_key": uuid.uuid4()})
    assert event_types(task)[-2:] == ["task.assigned", "task.unassigned"]
    assert_whole(task)


@pytest.mark.parametrize(
    ("path", "values"),
    [("status/", {}), ("status/", {"status": "x"}), ("status/", {"status": "999999"}), ("assign/", {}),
     ("assign/", {"user": "999999"}), ("unassign/", {"user": ""})],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused_on_the_task_itself(cast, browser, task, path, values):
    answer = browser(cast.member).post(f"/tasks/{task.ref}/{path}", values)
    page = answer.content.decode()
    assert answer.status_code == 400 and "Nothing was changed" in page and task.title in page
    task.refresh_from_db()
    assert task.version == 1


def test_a_comment_is_added_edited_and_deleted_by_forms(cast, browser, task):
    reader = browser(cast.guest)
    answer = reader.post(f"/tasks/{task.ref}/comments/", {"body": "First", "idempotency_key": uuid.uuid4()})
    comment = Comment.objects.get()
    here = f"/tasks/{task.ref}/comments/{comment.pk}/"
    assert answer["Location"] == f"/tasks/{task.ref}/#comment-{comment.pk}"
    reader.post(f"{here}edit/", {"body": "Second\nline", "idempotency_key": uuid.uuid4()})
    comment.refresh_from_db()
    assert comment.body == "Second\nline"
    reader.post(f"{here}delete/", {"idempotency_key": uuid.uuid4()})
    page = reader.get(f"/tasks/{task.ref}/").content.decode()
    assert "This comment was deleted" in page and "Second" not in page
    assert event_types(task)[1:] == ["comment.added", "comment.edited", "comment.deleted"]
    assert_whole(task)


def test_a_comment_form_sent_twice_says_it_once(cast, browser, task, key):
    reader, form = browser(cast.member), {"body": "Once", "idempotency_key": key}
    places = {reader.post(f"/tasks/{task.ref}/comments/", form)["Location"] for _ in range(3)}
    assert (len(places), Comment.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("body", "sentence"), [("  \n ", "Write something first."), ("x" * 20_001, "Keep a")]
)
def test_a_refused_comment_keeps_its_text(cast, browser, task, body, sentence):
    answer = browser(cast.member).post(f"/tasks/{task.ref}/comments/", {"body": body})
    page = answer.content.decode()
    assert answer.status_code == 400 and Comment.objects.count() == 0
    assert sentence in page and '<a href="#comment-body">' in page
    assert f">\n{body}</textarea>" in html.unescape(page)


def test_a_refused_edit_opens_its_own_form_with_the_text_in_it(cast, browser, task):
    comment = add_comment(actor=cast.member, task_id=task.pk, body="Before")
    answer = browser(cast.member).post(
        f"/tasks/{task.ref}/comments/{comment.pk}/edit/", {"body": "x" * 20_001}
    )
    page = answer.content.decode()
    assert answer.status_code == 400 and f'<a href="#edit-{comment.pk}">' in page
    assert "data-edit open" in page and "x" * 20_001 in page
    assert 'id="comment-body"' in page and page.count("x" * 20_001) == 1


def test_editing_a_deleted_comment_is_refused_in_words(cast, browser, task):
    reader = browser(cast.member)
    comment = add_comment(actor=cast.member, task_id=task.pk, body="Before")
    reader.post(f"/tasks/{task.ref}/comments/{comment.pk}/delete/")
    answer = reader.post(f"/tasks/{task.ref}/comments/{comment.pk}/edit/", {"body": "After"})
    assert answer.status_code == 409 and "isn’t saved yet" in answer.content.decode()


def test_a_comment_is_changed_under_its_own_task_only(cast, browser, task):
    other = create_task(actor=cast.member, title="Other", project_id=cast.project.pk)
    comment = add_comment(actor=cast.member, task_id=task.pk, body="Here")
    answer = browser(cast.member).post(f"/tasks/{other.ref}/comments/{comment.pk}/edit/", {"body": "There"})
    assert answer.status_code == 404


def test_a_form_without_its_csrf_token_is_refused_and_changes_nothing(cast, browser, task):
    reader = browser(cast.member, enforce_csrf_checks=True)
    answer = reader.post(f"/tasks/{task.ref}/comments/", {"body": "Forged"})
    assert answer.status_code == 403 and "This form is too old" in answer.content.decode()
    assert Comment.objects.count() == 0


def test_every_form_that_posts_carries_its_token_and_a_key_of_its_own(cast, browser, task):
    assign_task(actor=cast.member, task_id=task.pk, user_id=cast.member.pk)
    add_comment(actor=cast.member, task_id=task.pk, body="Mine")
    page = browser(cast.member).get(f"/tasks/{task.ref}/").content.decode()
    shown = re.sub(r"<template.*?</template>", "", page, flags=re.S)
    forms = [form for form in re.findall(r"<form[^>]*>.*?</form>", shown, re.S) if 'method="post"' in form]
    commands = [form for form in forms if "/sign-out/" not in form]
    assert len(commands) == 6  # status, unassign, assign, edit, delete, comment
    assert all('name="csrfmiddlewaretoken"' in form for form in forms)
    keys = [re.search(r'name="idempotency_key" value="([0-9a-f-]{36})"', form)[1] for form in commands]
    assert len(set(keys)) == len(commands)
