"""Rights that change while pages are open, and sessions that end."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed

from apps.tasks.models import ProjectMember, Task
from apps.tasks.tests.live.log import make
from apps.users.models import Role, Session, TeamMember, User
from apps.users.services.locking import move_access_epoch
from apps.users.services.sessions import sign_out
from apps.users.tests.factories import make_session

WITHIN = 5.0


def remove_from_team(person, team):
    """What the service does to the rows: the membership goes, the epoch moves."""
    ProjectMember.objects.filter(user=person, project__team=team).delete()
    TeamMember.objects.filter(user=person, team=team).delete()
    move_access_epoch(person.pk)


def test_an_ended_session_closes_its_socket(cast, open_page):
    session, other = (make_session(cast.member, kind=Session.Kind.WEB) for _ in range(2))
    page, stays = open_page(session), open_page(other)
    began = time.monotonic()
    sign_out(actor=cast.member, sid=session.sid)
    assert page.close_code() == 4401
    assert time.monotonic() - began < WITHIN
    stays.say(type="ping")
    stays.until("pong")


def test_a_deactivated_person_is_sent_away(cast, open_page):
    page = open_page(cast.member)
    began = time.monotonic()
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    assert page.close_code() == 4401
    assert time.monotonic() - began < WITHIN


def test_a_command_of_an_ended_session_is_refused_also_before_its_socket_closes(cast, open_page):
    session = make_session(cast.member, kind=Session.Kind.WEB)
    page = open_page(session)
    sign_out(actor=cast.member, sid=session.sid)
    try:
        answer = page.command("create_task", "key-1", title="Too late", project_id=cast.project.pk)
    except ConnectionClosed as closed:  # on a slow machine the socket was closed first
        assert closed.rcvd.code == 4401
    else:
        assert (answer["status"], answer["problem"]["code"]) == (401, "session_ended")
    assert not Task.objects.filter(title="Too late").exists()


def test_who_leaves_a_team_loses_its_rooms(cast, open_page):
    task = make(cast.owner, "Write", cast.project)
    page, stays = open_page(cast.member), open_page(cast.admin)
    task_room, project_room = f"task:{task.pk}", f"project:{cast.project.pk}"
    for room in ("me", task_room, project_room):
        page.subscribe(room)
    stays.subscribe("me")
    began = time.monotonic()
    remove_from_team(cast.member, cast.team)
    page.until("reset", room="me")
    page.say(type="ping")
    page.until("pong")
    assert time.monotonic() - began < WITHIN
    gone = {frame["room"]: frame.get("task") for frame in page.of_type("gone")}
    assert gone == {task_room: task.pk, project_room: None}
    assert [(frame["room"], frame["reason"]) for frame in page.of_type("reset")] == [("me", "rights")]
    make(cast.owner, "Secret now", cast.project)
    stays.until("event")
    make(cast.member, "Mine")
    page.until("event")
    assert page.titles() == ["Mine"]


def test_a_right_that_was_lost_unseen_is_a_reset_on_resume(cast, open_page):
    page = open_page(cast.guest)
    resume = page.resume_from(page.hello["seq"])
    page.connection.close()
    remove_from_team(cast.guest, cast.team)
    again = open_page(cast.guest)
    again.subscribe("me", resume)
    assert again.of_type("reset")[0]["reason"] == "rights"


def test_a_role_that_changes_resets_the_rooms_it_concerns(cast, open_page):
    task, personal = make(cast.owner, "Write", cast.project), make(cast.member, "Mine")
    page = open_page(cast.member)
    rooms = ["me", f"project:{cast.project.pk}", f"task:{task.pk}", f"task:{personal.pk}"]
    for room in rooms:
        page.subscribe(room)
    TeamMember.objects.filter(user=cast.member, team=cast.team).update(role=Role.ADMIN)
    move_access_epoch(cast.member.pk)
    while len(page.of_type("reset")) < 3:
        page.until("reset", timeout=WITHIN)
    assert {frame["room"] for frame in page.of_type("reset")} == set(rooms[:3])
    assert {frame["epoch"] for frame in page.of_type("reset")} == {page.hello["epoch"] + 1}
    assert not page.of_type("gone")


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_narrow_token_hears_of_its_project_alone(cast, open_page, scope):
    from apps.tasks.tests.factories import make_project

    other = make_project(cast.owner, cast.team, key="OTH", name="Other")
    session = make_session(cast.member, kind=Session.Kind.WEB)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_session SET scope = %s, project_id = %s WHERE sid = %s",
            [scope, cast.project.pk, session.sid],
        )
    personal = make(cast.member, "Mine")
    page = open_page(session)
    page.subscribe("me")
    for room in (f"project:{other.pk}", f"task:{personal.pk}"):
        page.say(type="subscribe", room=room)
        assert page.until("error", room=room)["code"] == "not_found"
    make(cast.member, "Mine too")
    make(cast.owner, "Elsewhere", other)
    make(cast.owner, "Here", cast.project)
    page.until("event")
    assert page.titles() == ["Here"]
    inside = page.command("create_task", "key-1", title="Said", project_id=cast.project.pk)
    assert inside["status"] == (201 if scope == "write" else 403)
    elsewhere = page.command("create_task", "key-2", title="No", project_id=other.pk)
    personal_one = page.command("create_task", "key-3", title="No")
    assert {elsewhere["status"], personal_one["status"]} == ({400, 403} if scope == "write" else {403})
    assert personal_one["problem"]["code"] == "scope_too_narrow"
