"""Who gets which page."""

from __future__ import annotations

import pytest

from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import create_task

pytestmark = pytest.mark.django_db

PAGES = ["/tasks/", "/tasks/new/", "/activity/", "/inbox/"]
POSTS = ["status/", "assign/", "unassign/", "comments/", "comments/1/edit/", "comments/1/delete/"]


@pytest.mark.parametrize("path", [*PAGES, "/tasks/OPS-1/"])
def test_a_stranger_is_sent_to_sign_in_and_back(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={path}")


def test_the_root_leads_to_the_list_or_to_sign_in(cast, browser, client):
    assert client.get("/")["Location"] == "/sign-in/"
    assert browser(cast.guest).get("/")["Location"] == "/tasks/"


@pytest.mark.parametrize("who", ["owner", "admin", "member", "guest", "outsider"])
@pytest.mark.parametrize("path", PAGES)
def test_everybody_who_is_signed_in_has_the_pages_of_their_own(cast, browser, who, path):
    assert browser(getattr(cast, who)).get(path).status_code == 200


@pytest.mark.parametrize("who", ["owner", "admin", "member", "guest"])
def test_insiders_find_the_task_by_key_and_by_id(cast, browser, task, who):
    reader = browser(getattr(cast, who))
    assert "Print the door list" in reader.get("/tasks/").content.decode()
    for ref in (task.ref, task.ref.lower(), task.pk):
        assert "<em>plain</em>" in reader.get(f"/tasks/{ref}/").content.decode()


def test_an_outsider_gets_the_404_of_a_task_that_never_was(cast, browser, task):
    reader = browser(cast.outsider)
    assert "Print the door list" not in reader.get("/tasks/?show=all").content.decode()
    hidden, absent = reader.get(f"/tasks/{task.ref}/"), reader.get("/tasks/OPS-999/")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.content == absent.content


@pytest.mark.parametrize("path", POSTS)
def test_an_outsiders_form_is_answered_as_for_an_absent_task(cast, browser, task, path):
    comment = add_comment(actor=cast.member, task_id=task.pk, body="Here")
    values = {"status": task.status_id, "user": cast.outsider.pk, "body": "Let me in"}
    answer = browser(cast.outsider).post(f"/tasks/{task.ref}/{path.replace('1', str(comment.pk))}", values)
    assert answer.status_code == 404
    task.refresh_from_db()
    assert task.version == 2


@pytest.mark.parametrize("path", ["status/", "assign/", "unassign/"])
def test_a_guest_may_not_change_a_task_and_is_told_so(cast, browser, task, path):
    values = {"status": task.status_id, "user": cast.guest.pk}
    answer = browser(cast.guest).post(f"/tasks/{task.ref}/{path}", values)
    assert answer.status_code == 403
    assert cast.guest.display_name in answer.content.decode()


def test_a_guest_sees_no_form_that_would_be_refused(cast, browser, task):
    page = browser(cast.guest).get(f"/tasks/{task.ref}/").content.decode()
    assert f"/tasks/{task.ref}/comments/" in page
    assert f"/tasks/{task.ref}/status/" not in page and f"/tasks/{task.ref}/assign/" not in page


def test_only_the_author_is_offered_to_edit_and_an_admin_to_delete(cast, browser, task):
    comment = add_comment(actor=cast.guest, task_id=task.pk, body="Mine")
    edit, delete = (f"/tasks/{task.ref}/comments/{comment.pk}/{act}/" for act in ("edit", "delete"))

    def offered(person):
        page = browser(person).get(f"/tasks/{task.ref}/").content.decode()
        return edit in page, delete in page

    assert [offered(person) for person in (cast.guest, cast.admin, cast.member)] == [
        (True, True),
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize("who", ["owner", "member"])
def test_somebody_elses_comment_is_not_edited_by_a_hand_made_form(cast, browser, task, who):
    comment = add_comment(actor=cast.guest, task_id=task.pk, body="Mine")
    answer = browser(getattr(cast, who)).post(
        f"/tasks/{task.ref}/comments/{comment.pk}/edit/", {"body": "Ours"}
    )
    assert answer.status_code == 403


def test_a_personal_task_is_its_creators_and_assignees(cast, browser):
    task = create_task(actor=cast.member, title="Call the landlord", assignee_ids=[cast.guest.pk])
    statuses = [
        browser(person).get(f"/tasks/{task.pk}/").status_code
        for person in (cast.member, cast.guest, cast.owner, cast.outsider)
    ]
    assert statuses == [200, 200, 404, 404]


@pytest.mark.parametrize("path", POSTS)
def test_addresses_of_forms_answer_nothing_to_a_get(cast, browser, task, path):
    assert browser(cast.owner).get(f"/tasks/{task.ref}/{path}").status_code == 405


def test_an_id_too_long_for_the_database_is_simply_not_there(cast, browser, task):
    reader = browser(cast.owner)
    assert reader.get(f"/tasks/{'9' * 40}/").status_code == 404
    assert reader.get(f"/tasks/OPS-{'9' * 40}/").status_code == 404
    assert reader.post(f"/tasks/{task.ref}/comments/{'9' * 19}/delete/").status_code == 404
