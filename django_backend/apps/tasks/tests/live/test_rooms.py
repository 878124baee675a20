"""What arrives in which room, for whom, once and in order."""

from __future__ import annotations

import json

import pytest

from apps.tasks.models import Status
from apps.tasks.services import comments, tasks
from apps.tasks.tests.live.log import facts_about, heard_about, make
from apps.users.models import Role


def live_through_a_day(cast):
    """One task with every kind of event that tasks have; its title at the end says that it is over."""
    task = make(cast.owner, "Write the release note", cast.project, assignee_ids=[cast.admin.pk])
    doing = Status.objects.get(project=cast.project, category="in_progress")
    tasks.change_status(actor=cast.member, task_id=task.pk, status_id=doing.pk)
    tasks.edit_task(actor=cast.owner, task_id=task.pk, changes={"priority": "high", "due_date": None})
    tasks.assign_task(actor=cast.owner, task_id=task.pk, user_id=cast.member.pk)
    tasks.unassign_task(actor=cast.owner, task_id=task.pk, user_id=cast.member.pk)
    comment = comments.add_comment(actor=cast.guest, task_id=task.pk, body="Is it on *staging*?")
    comments.edit_comment(actor=cast.guest, task_id=task.pk, comment_id=comment.pk, body="On staging?")
    comments.delete_comment(actor=cast.guest, task_id=task.pk, comment_id=comment.pk)
    tasks.edit_task(actor=cast.owner, task_id=task.pk, changes={"title": "Over"})
    return task


def test_a_task_created_elsewhere_arrives_with_what_it_shows(cast, open_page, api):
    page = open_page(cast.member)
    page.subscribe("me")
    task = make(cast.owner, "Write the release note", cast.project)
    event = page.until("event", room="me")
    assert event["event"]["type"] == "task.created"
    assert event["event"]["aggregate"] == f"task:{task.pk}"
    assert event["event"]["actor"] == {"id": cast.owner.pk, "name": "Olga"}
    assert event["event"]["version"] == 1
    assert event["task"] == api(cast.member).get(f"/api/tasks/{task.pk}/").json()


@pytest.mark.parametrize("who", ["owner", "admin", "member", "guest"])
def test_each_event_arrives_once_in_order_in_each_room(cast, open_page, who):
    page = open_page(getattr(cast, who))
    first = make(cast.owner, "First", cast.project)
    facts_about(first)
    rooms = ["me", f"project:{cast.project.pk}", f"task:{first.pk}"]
    for room in rooms:
        page.subscribe(room)
    for number in range(3):
        comments.add_comment(actor=cast.owner, task_id=first.pk, body=f"Comment {number}")
    other = live_through_a_day(cast)
    page.until("event", room=f"project:{cast.project.pk}", seq=facts_about(other)[-1][0])
    page.say(type="ping")
    page.until("pong")
    of_first = facts_about(first)[1:]
    both = sorted(of_first + facts_about(other))
    assert heard_about(page.events("me")) == both
    assert heard_about(page.events(f"project:{cast.project.pk}")) == both
    assert heard_about(page.events(f"task:{first.pk}")) == of_first


def test_an_outsider_hears_nothing(cast, open_page):
    page = open_page(cast.outsider)
    page.subscribe("me")
    live_through_a_day(cast)
    mine = make(cast.outsider, "Mine alone")
    page.until("event", room="me")
    assert page.titles() == ["Mine alone"]
    assert heard_about(page.events()) == facts_about(mine)


def test_a_personal_task_is_heard_of_by_its_people_alone(cast, open_page):
    creator, assignee, owner = open_page(cast.member), open_page(cast.admin), open_page(cast.owner)
    for page in (creator, assignee, owner):
        page.subscribe("me")
    task = make(cast.member, "Between us", assignee_ids=[cast.admin.pk])
    make(cast.member, "For all", cast.project)
    for page in (creator, assignee, owner):
        while "For all" not in page.titles():
            page.until("event")
    assert set(creator.titles()) == set(assignee.titles()) == {"Between us", "For all"}
    assert set(owner.titles()) == {"For all"}
    assert heard_about(creator.events())[:-1] == facts_about(task)


def test_who_is_taken_off_a_personal_task_sees_it_go(cast, open_page):
    task = make(cast.member, "Between us", assignee_ids=[cast.admin.pk])
    seq = facts_about(task)[-1][0]
    page, bystander = open_page(cast.admin), open_page(cast.owner)
    page.subscribe("me")
    page.subscribe(f"task:{task.pk}")
    bystander.subscribe("me")
    tasks.unassign_task(actor=cast.member, task_id=task.pk, user_id=cast.admin.pk)
    assert page.until("gone", room="me")["task"] == task.pk
    assert page.until("gone", room=f"task:{task.pk}")["task"] == task.pk
    tasks.edit_task(actor=cast.member, task_id=task.pk, changes={"title": "Mine again"})
    make(cast.owner, "For all", cast.project)
    page.until("event", room="me")
    bystander.until("event", room="me")
    assert page.titles() == ["For all"]
    assert bystander.titles() == ["For all"]
    assert not bystander.of_type("gone"), "the id of a task one never saw is nobody's business"
    assert seq < page.events()[0]["seq"]


def test_a_comment_is_shown_as_it_is_now(cast, open_page, api):
    task = make(cast.owner, "Talk", cast.project)
    seq = facts_about(task)[-1][0]
    comment = comments.add_comment(actor=cast.owner, task_id=task.pk, body="A *secret*")
    comments.edit_comment(actor=cast.owner, task_id=task.pk, comment_id=comment.pk, body="Another secret")
    added, edited = hear_of_comments(open_page, cast.member, task, seq)
    shown = api(cast.member).get(f"/api/tasks/{task.pk}/comments/").json()["results"][0]
    assert added["comment"] == edited["comment"] == shown


def test_the_text_of_a_deleted_comment_is_not_sent_again(cast, open_page):
    task = make(cast.owner, "Talk", cast.project)
    seq = facts_about(task)[-1][0]
    comment = comments.add_comment(actor=cast.owner, task_id=task.pk, body="A secret")
    comments.edit_comment(actor=cast.owner, task_id=task.pk, comment_id=comment.pk, body="Another secret")
    comments.delete_comment(actor=cast.owner, task_id=task.pk, comment_id=comment.pk)
    events = hear_of_comments(open_page, cast.member, task, seq)
    assert [frame["event"]["type"] for frame in events] == [
        "comment.added",
        "comment.edited",
        "comment.deleted",
    ]
    assert "secret" not in json.dumps(events)


def hear_of_comments(open_page, person, task, since):
    facts_about(task)
    page = open_page(person)
    page.subscribe(f"task:{task.pk}", page.resume_from(since))
    return page.events()


def test_an_unsubscribed_room_is_silent(cast, open_page):
    page = open_page(cast.member)
    page.subscribe("me")
    page.subscribe(f"project:{cast.project.pk}")
    page.say(type="unsubscribe", room="me")
    page.until("unsubscribed", room="me")
    make(cast.owner, "Write", cast.project)
    page.until("event")
    page.say(type="ping")
    page.until("pong")
    assert [frame["room"] for frame in page.events()] == [f"project:{cast.project.pk}"]


@pytest.mark.parametrize("resumes", [False, True])
@pytest.mark.parametrize("kind", ["task", "project"])
def test_an_invisible_room_answers_like_an_absent_one(cast, open_page, kind, resumes):
    task = make(cast.owner, "Write", cast.project)
    page = open_page(cast.outsider)
    answers = []
    for object_id in (task.pk if kind == "task" else cast.project.pk, 999_999_999):
        room = f"{kind}:{object_id}"
        page.say(type="subscribe", room=room, resume=page.resume_from(0) if resumes else None)
        text = json.dumps(page.until("gone" if resumes else "error", room=room))
        answers.append(text.replace(str(object_id), "ID"))
    assert answers[0] == answers[1]


def test_a_guest_hears_of_their_projects_alone(cast, open_page):
    from apps.tasks.tests.factories import make_project

    other = make_project(cast.owner, cast.team, key="HID", name="Hidden")
    page = open_page(cast.guest)
    page.subscribe("me")
    make(cast.owner, "Hidden", other)
    make(cast.owner, "Open", cast.project)
    page.until("event")
    assert page.titles() == ["Open"]


def test_a_project_made_meanwhile_is_in_the_view_at_once(cast, open_page):
    from apps.tasks.tests.factories import make_project

    page = open_page(cast.member)
    page.subscribe("me")
    project = make_project(cast.owner, cast.team, key="NEW", name="New", member=cast.guest)
    task = make(cast.owner, "The first", project)
    page.until("event")
    assert heard_about(page.events()) == facts_about(task)


def test_a_person_added_to_a_team_hears_of_its_tasks_at_once(cast, open_page):
    from apps.users.services.teams import add_team_member

    page = open_page(cast.outsider)
    page.subscribe("me")
    add_team_member(actor=cast.owner, team_id=cast.team.pk, user_id=cast.outsider.pk, role=Role.MEMBER)
    make(cast.owner, "Welcome", cast.project)
    assert page.until("reset", room="me")["reason"] == "rights"
    page.until("event")
    assert page.titles() == ["Welcome"]
