"""The rules of comments."""

from __future__ import annotations

import pytest

from apps.common.errors import Conflict, Forbidden, Invalid, NotFound
from apps.tasks.services.comments import add_comment, delete_comment, edit_comment
from apps.tasks.services.tasks import create_task
from apps.tasks.tests.facts import assert_whole, event_types, events_of

pytestmark = [pytest.mark.django_db, pytest.mark.pg18]


@pytest.fixture
def task(cast):
    return create_task(actor=cast.member, title="Print the door list", project_id=cast.project.pk)


def test_a_comment_lives_through_three_facts(cast, task):
    comment = add_comment(actor=cast.guest, task_id=task.pk, body="First")
    edit_comment(actor=cast.guest, task_id=task.pk, comment_id=comment.pk, body="Second")
    gone = delete_comment(actor=cast.guest, task_id=task.pk, comment_id=comment.pk)
    assert event_types(task)[1:] == ["comment.added", "comment.edited", "comment.deleted"]
    assert_whole(task)
    assert (gone.body, gone.version, task.edit_version) == ("", 4, 1)


def test_a_deleted_comments_event_does_not_repeat_its_text(cast, task):
    comment = add_comment(actor=cast.guest, task_id=task.pk, body="A secret")
    delete_comment(actor=cast.guest, task_id=task.pk, comment_id=comment.pk)
    assert events_of(task)[-1].payload["comment"] == {"id": comment.pk, "author": cast.guest.pk}


def test_only_its_author_edits_a_comment(cast, task):
    comment = add_comment(actor=cast.guest, task_id=task.pk, body="Mine")
    with pytest.raises(Forbidden):
        edit_comment(actor=cast.owner, task_id=task.pk, comment_id=comment.pk, body="Ours")


def test_an_admin_may_delete_anybodys_comment_and_a_member_not(cast, task):
    comment = add_comment(actor=cast.guest, task_id=task.pk, body="Mine")
    with pytest.raises(Forbidden):
        delete_comment(actor=cast.member, task_id=task.pk, comment_id=comment.pk)
    assert delete_comment(actor=cast.admin, task_id=task.pk, comment_id=comment.pk).deleted_at


def test_a_comment_is_found_under_its_own_task_only(cast, task):
    other = create_task(actor=cast.member, title="Other", project_id=cast.project.pk)
    comment = add_comment(actor=cast.member, task_id=task.pk, body="Here")
    with pytest.raises(NotFound):
        edit_comment(actor=cast.member, task_id=other.pk, comment_id=comment.pk, body="There")


def test_a_deleted_comment_stays_deleted(cast, task):
    comment = add_comment(actor=cast.member, task_id=task.pk, body="Here")
    delete_comment(actor=cast.member, task_id=task.pk, comment_id=comment.pk)
    with pytest.raises(Conflict):
        edit_comment(actor=cast.member, task_id=task.pk, comment_id=comment.pk, body="Back")


@pytest.mark.parametrize("body", ["", " \n", "a\x00b", "x" * 20_001])
def test_an_unusable_text_is_refused(cast, task, body):
    with pytest.raises(Invalid):
        add_comment(actor=cast.member, task_id=task.pk, body=body)


def test_a_stranger_does_not_comment(cast, task):
    with pytest.raises(NotFound):
        add_comment(actor=cast.outsider, task_id=task.pk, body="Hello")
