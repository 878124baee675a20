"""Who asks to be erased: no name, address or text of theirs is left in tables or log, and the log still adds up."""

from __future__ import annotations

import hashlib

import pytest
from django.db import DatabaseError, connection, transaction

from apps.common.models import EventRedaction, EventRow
from apps.tasks.models import Comment, History, Task
from apps.tasks.services.comments import add_comment, edit_comment
from apps.tasks.services.erasure import erase_person
from apps.tasks.services.tasks import create_task, edit_task
from apps.users.models import AccountMail, Session, User
from apps.users.services.api_tokens import Wish, create_token
from apps.users.services.passwords import request_password_reset
from apps.users.services.teams import LastOwner, remove_member
from apps.users.tests.factories import make_session
from apps.users.tests.mailbox import send_all

pytestmark = [pytest.mark.django_db, pytest.mark.pg18]

SECRET = "Xanadu"


@pytest.fixture
def story(cast):
    """The member wrote: a comment (edited), a personal task (edited), a task of the project; and was answered."""
    shared = create_task(actor=cast.member, title="Shared work", project_id=cast.project.pk)
    said = add_comment(actor=cast.member, task_id=shared.pk, body=f"{SECRET} one")
    edit_comment(actor=cast.member, task_id=shared.pk, comment_id=said.pk, body=f"{SECRET} two")
    add_comment(actor=cast.owner, task_id=shared.pk, body="Answered")
    personal = create_task(actor=cast.member, title=f"{SECRET} three", description=f"{SECRET} four")
    edit_task(actor=cast.member, task_id=personal.pk, changes={"title": f"{SECRET} five"})
    return shared, personal


def everywhere():
    """All that the tables of people, tasks and the log hold, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in (
            "event",
            "history",
            "tasks_task",
            "tasks_comment",
            "users_user",
            "users_session",
            "users_accountmail",
            "users_accountlink",
        ):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            found.append(cursor.fetchone()[0] or "")
    return " ".join(found)


def test_nothing_of_them_is_left(cast, story):
    request_password_reset(email=cast.member.email)
    send_all()
    session = make_session(cast.member)
    Session.objects.filter(sid=session.sid).update(address="192.0.2.7", user_agent="Zeppelin")
    assert SECRET in everywhere() and "mina@lantern.example" in everywhere()

    erase_person(actor=cast.member, user_id=cast.member.pk)

    text = everywhere()
    for trace in (SECRET, "mina", "Mina", "192.0.2.7", "Zeppelin"):
        assert trace not in text
    user = User.objects.get(pk=cast.member.pk)
    assert (user.is_active, user.display_name) == (False, "Somebody who left") and user.erased_at
    assert not AccountMail.objects.exists()


def test_what_others_wrote_and_what_was_done_in_projects_stays(cast, story):
    shared, personal = story

    erase_person(actor=cast.member, user_id=cast.member.pk)

    assert Task.objects.get(pk=shared.pk).title == "Shared work"
    assert Task.objects.get(pk=personal.pk).title == "Erased"
    assert sorted(Comment.objects.values_list("body", flat=True)) == ["", "Answered"]
    assert "Answered" in str(list(EventRow.objects.values_list("payload", flat=True)))
    assert "Shared work" in str(list(EventRow.objects.values_list("payload", flat=True)))


def test_each_redaction_is_written_down_and_the_digest_stays(cast, story):
    before = dict(EventRow.objects.values_list("id", "digest"))

    erase_person(actor=cast.member, user_id=cast.member.pk)

    redacted = set(EventRedaction.objects.values_list("event", flat=True))
    for row in EventRow.objects.all():
        with connection.cursor() as cursor:
            cursor.execute("SELECT payload::text FROM event WHERE id = %s", [row.pk])
            same = hashlib.sha256(cursor.fetchone()[0].encode()).digest() == bytes(row.digest)
        assert same == (row.pk not in redacted)
        assert row.pk not in before or bytes(before[row.pk]) == bytes(row.digest)
    assert redacted and set(EventRedaction.objects.values_list("by", flat=True)) == {cast.member.pk}


def test_redacted_payloads_still_fit_their_schemas_and_versions_are_whole(cast, story):
    from tms_events.schemas import validate

    erase_person(actor=cast.member, user_id=cast.member.pk)

    for row in EventRow.objects.all():
        validate(row.type, row.schema_version, row.payload)
    for task in story:
        versions = list(
            History.objects.filter(task_id=task.pk).order_by("version").values_list("version", flat=True)
        )
        assert (
            versions
            == list(range(1, len(versions) + 1))
            == list(range(1, Task.objects.get(pk=task.pk).version + 1))
        )


def test_comments_in_a_project_they_have_left_go_too(cast, story):
    remove_member(actor=cast.member, team_id=cast.team.pk, user_id=cast.member.pk)

    erase_person(actor=cast.member, user_id=cast.member.pk)

    assert SECRET not in everywhere()


def test_their_sessions_and_tokens_end(api, cast):
    client = api(cast.member)
    create_token(actor=cast.member, wish=Wish("script", "read", 30))

    erase_person(actor=cast.member, user_id=cast.member.pk)

    assert client.get("/api/users/me/").status_code == 401
    assert not Session.objects.filter(user=cast.member, ended_at=None).exists()
    types = list(EventRow.objects.order_by("id").values_list("type", flat=True))[-5:]
    assert "user.deactivated" in types and "user.erased" in types


def test_the_last_owner_is_not_erased_and_nothing_is_half_done(cast, story):
    add_comment(actor=cast.owner, task_id=story[0].pk, body="Kept")

    with pytest.raises(LastOwner), transaction.atomic():
        erase_person(actor=cast.owner, user_id=cast.owner.pk)

    assert Comment.objects.filter(body="Kept").exists() and User.objects.get(pk=cast.owner.pk).is_active


def test_erasing_twice_changes_nothing_more(cast, story):
    erase_person(actor=cast.member, user_id=cast.member.pk)
    before = EventRow.objects.count()

    erase_person(actor=cast.member, user_id=cast.member.pk)

    assert EventRow.objects.count() == before


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET payload = '{}'", "UPDATE history SET old = NULL", "DELETE FROM history"]
)
def test_the_web_changes_log_and_history_by_that_function_alone(cast, story, statement):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_api_asks_for_the_password(api, cast):
    answer = api(cast.member).post("/api/users/me/erase/", {"current_password": "wrong"}, format="json")

    assert answer.status_code == 400 and User.objects.get(pk=cast.member.pk).erased_at is None
