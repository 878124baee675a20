"""The rules of creating, editing, moving and assigning tasks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from django.db import connection, transaction

from apps.common.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from apps.common.models import EventRow
from apps.tasks.models import AssignmentRole, History, Task
from apps.tasks.services.tasks import assign_task, change_status, create_task, edit_task, unassign_task
from apps.tasks.tests.facts import assert_whole, event_types, events_of
from apps.users.models import Team

pytestmark = [pytest.mark.django_db, pytest.mark.pg18]


@pytest.fixture
def task(cast):
    return create_task(actor=cast.member, title="Print the door list", project_id=cast.project.pk)


def status(project, name):
    return project.statuses.get(name=name)


def test_a_new_task_takes_the_next_number_of_its_project(cast):
    numbers = [
        create_task(actor=cast.member, title="One", project_id=cast.project.pk).number for _ in range(3)
    ]
    assert numbers == [1, 2, 3]


def test_a_new_task_states_its_creation_and_each_assignment_as_one_fact(cast):
    task = create_task(
        actor=cast.member,
        title="Two",
        project_id=cast.project.pk,
        assignee_ids=[cast.admin.pk, cast.guest.pk],
    )
    assert event_types(task) == ["task.created", "task.assigned", "task.assigned"]
    assert [a.role for a in task.assignments.all()] == [AssignmentRole.OWNER, AssignmentRole.COLLABORATOR]
    assert_whole(task)


def test_all_facts_of_one_command_share_a_correlation_id(cast):
    task = create_task(
        actor=cast.member, title="Two", project_id=cast.project.pk, assignee_ids=[cast.admin.pk]
    )
    assert len({event.correlation_id for event in events_of(task)}) == 1


def test_an_event_carries_the_state_after_the_command_and_its_audience(cast):
    task = create_task(
        actor=cast.member, title="Two", project_id=cast.project.pk, assignee_ids=[cast.admin.pk]
    )
    payload = events_of(task)[0].payload
    assert payload["task"]["key"] == f"OPS-{task.number}"
    assert payload["task"]["team"] == cast.team.pk
    assert payload["task"]["version"] == payload["task"]["edit_version"] == 2
    assert payload["audience"] == {
        "creator": cast.member.pk,
        "assignees": [cast.admin.pk],
        "watchers": [],
        "mentioned": [],
    }


def test_the_digest_is_that_of_the_stored_payload(task):
    with connection.cursor() as cursor:
        cursor.execute("SELECT bool_and(digest = sha256(convert_to(payload::text, 'UTF8'))) FROM event")
        assert cursor.fetchone() == (True,)


def test_a_title_becomes_one_line(cast):
    task = create_task(actor=cast.member, title="  Two\n lines\t", project_id=cast.project.pk)
    assert task.title == "Two lines"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " \n "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "A", "description": "\x00"}, "description"),
        ({"title": "A", "priority": "huge"}, "priority"),
        ({"title": "A", "status_id": 2**70}, "status"),
        ({"title": "A", "due_time": time(9)}, "due_time"),
        ({"title": "A", "project_id": -1}, "project"),
        ({"title": "A", "assignee_ids": [0]}, "assignees"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_and_writes_nothing(cast, values, field):
    before = EventRow.objects.count()
    with pytest.raises(Invalid) as problem:
        create_task(**{"actor": cast.member, "project_id": cast.project.pk, **values})
    assert list(problem.value.fields) == [field]
    assert (Task.objects.count(), EventRow.objects.count()) == (0, before)


def test_a_due_date_ends_at_midnight_in_the_teams_zone(cast):
    Team.objects.filter(pk=cast.team.pk).update(time_zone="Asia/Kathmandu")
    task = create_task(
        actor=cast.member, title="Due", project_id=cast.project.pk, due_date=date(2026, 11, 26)
    )
    assert task.due_at == datetime(2026, 11, 26, 18, 15, tzinfo=UTC)


def test_a_due_date_ends_right_on_the_day_the_clocks_change(cast):
    Team.objects.filter(pk=cast.team.pk).update(time_zone="Europe/Vienna")
    task = create_task(
        actor=cast.member, title="Due", project_id=cast.project.pk, due_date=date(2026, 10, 25)
    )
    assert task.due_at == datetime(2026, 10, 25, 23, 0, tzinfo=UTC)


def test_a_personal_task_ends_in_its_creators_zone(cast):
    cast.member.time_zone = "America/New_York"
    cast.member.save(update_fields=["time_zone"])
    task = create_task(actor=cast.member, title="Mine", due_date=date(2026, 7, 1), due_time=time(9, 30))
    assert task.due_at == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    assert (task.key, task.number) == (None, None)


def test_one_edit_of_three_fields_states_three_facts(cast, task):
    edit_task(
        actor=cast.member,
        task_id=task.pk,
        changes={
            "title": "Print it",
            "due_date": date(2026, 12, 1),
            "due_time": time(9),
            "status": status(cast.project, "Done").pk,
        },
    )
    assert event_types(task) == ["task.created", "task.updated", "task.due_changed", "task.status_changed"]
    assert_whole(task)
    assert task.edit_version == task.version == 4


def test_an_edit_to_the_same_values_states_nothing(cast, task):
    again = edit_task(
        actor=cast.member,
        task_id=task.pk,
        changes={"title": task.title, "status": task.status_id, "due_date": None},
    )
    assert (again.version, event_types(task)) == (1, ["task.created"])


def test_reaching_a_status_of_the_category_done_completes_the_task_and_leaving_it_reopens(cast, task):
    done = change_status(actor=cast.member, task_id=task.pk, status_id=status(cast.project, "Done").pk)
    assert done.completed_at is not None
    reopened = change_status(actor=cast.member, task_id=task.pk, status_id=status(cast.project, "Blocked").pk)
    assert (reopened.completed_at, reopened.category) == (None, "blocked")


def test_cancelled_work_is_not_completed(cast, task):
    cancelled = change_status(
        actor=cast.member, task_id=task.pk, status_id=status(cast.project, "Cancelled").pk
    )
    assert (cancelled.completed_at, cancelled.is_closed) == (None, True)


def test_a_status_of_another_project_is_refused(cast, task):
    personal = create_task(actor=cast.member, title="Mine")
    with pytest.raises(Invalid):
        change_status(actor=cast.member, task_id=task.pk, status_id=personal.status_id)


def test_the_database_itself_refuses_a_status_of_another_project(cast, task):
    from django.db import IntegrityError

    personal = create_task(actor=cast.member, title="Mine")
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(pk=task.pk).update(status=personal.status_id)


def test_if_match_with_an_older_version_is_refused_with_the_present_one(cast, task):
    edit_task(actor=cast.member, task_id=task.pk, changes={"title": "Newer"})
    with pytest.raises(PreconditionFailed) as problem:
        edit_task(actor=cast.admin, task_id=task.pk, changes={"title": "Older"}, if_match=1)
    assert problem.value.extra["edit_version"] == 2


def test_edits_of_different_fields_from_one_base_are_merged(cast, task):
    edit_task(actor=cast.member, task_id=task.pk, changes={"title": "By Mina"}, base=1)
    merged = edit_task(actor=cast.admin, task_id=task.pk, changes={"priority": "urgent"}, base=1)
    assert (merged.title, merged.priority_key) == ("By Mina", "urgent")


def test_edits_of_one_field_from_one_base_clash_with_both_values_and_lose_nothing(cast, task):
    edit_task(actor=cast.member, task_id=task.pk, changes={"title": "By Mina"}, base=1)
    with pytest.raises(Conflict) as problem:
        edit_task(actor=cast.admin, task_id=task.pk, changes={"title": "By Adam", "priority": "low"}, base=1)
    assert problem.value.extra["conflicts"] == {"title": {"yours": "By Adam", "theirs": "By Mina"}}
    task.refresh_from_db()
    assert (task.title, task.priority_key) == ("By Mina", "medium")


def test_a_colleagues_comment_does_not_spoil_an_edit(cast, task):
    from apps.tasks.services.comments import add_comment

    add_comment(actor=cast.guest, task_id=task.pk, body="Nice")
    edited = edit_task(actor=cast.member, task_id=task.pk, changes={"title": "Still mine"}, if_match=1)
    assert (edited.version, edited.edit_version) == (3, 3)


def test_an_assignee_must_have_access_to_the_project(cast, task):
    with pytest.raises(Invalid) as problem:
        assign_task(actor=cast.member, task_id=task.pk, user_id=cast.outsider.pk)
    assert problem.value.problem_code == "unknown_assignee"


def test_assigning_twice_states_one_fact_and_unassigning_one_more(cast, task):
    for _ in range(2):
        assign_task(actor=cast.member, task_id=task.pk, user_id=cast.admin.pk)
    for _ in range(2):
        unassign_task(actor=cast.member, task_id=task.pk, user_id=cast.admin.pk)
    assert event_types(task) == ["task.created", "task.assigned", "task.unassigned"]
    assert_whole(task)


def test_a_stranger_finds_nothing_to_change(cast, task):
    for act in (
        lambda: edit_task(actor=cast.outsider, task_id=task.pk, changes={"title": "Mine now"}),
        lambda: change_status(actor=cast.outsider, task_id=task.pk, status_id=1),
        lambda: assign_task(actor=cast.outsider, task_id=task.pk, user_id=cast.outsider.pk),
        lambda: unassign_task(actor=cast.outsider, task_id=task.pk, user_id=cast.member.pk),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_guest_sees_but_may_not_change(cast, task):
    with pytest.raises(Forbidden):
        edit_task(actor=cast.guest, task_id=task.pk, changes={"title": "No"})


def test_an_unknown_project_answers_like_an_invisible_one(cast):
    answers = []
    for project_id in (cast.project.pk, 10**9):
        with pytest.raises(Invalid) as problem:
            create_task(actor=cast.outsider, title="Probe", project_id=project_id)
        answers.append((problem.value.fields, problem.value.problem_code))
    assert answers[0] == answers[1]


def test_an_archived_task_is_not_changed(cast, task):
    Task.objects.filter(pk=task.pk).update(archived_at=task.created_at)
    with pytest.raises(Conflict) as problem:
        edit_task(actor=cast.member, task_id=task.pk, changes={"title": "Late"})
    assert problem.value.problem_code == "task_archived"


@pytest.mark.parametrize(
    "statement", ["UPDATE history SET type = 'x'", "DELETE FROM history", "TRUNCATE history"]
)
def test_history_can_not_be_changed(task, statement):
    from django.db import DatabaseError

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert History.objects.filter(task_id=task.pk).count() == 1


def test_an_event_outside_a_transaction_is_a_mistake_that_is_named(cast, task):
    from apps.common.events.record import NotInTransaction, record

    connection.in_atomic_block, kept = False, connection.in_atomic_block
    try:
        with pytest.raises(NotInTransaction):
            record()
    finally:
        connection.in_atomic_block = kept
