"""Who sees what: the view project_access and what is built on it."""

from __future__ import annotations

import pytest

from apps.tasks import selectors
from apps.tasks.models import Task
from apps.tasks.policies import role_in_project, role_on
from apps.tasks.services.projects import add_project_member, create_project
from apps.tasks.services.tasks import assign_task, create_task
from apps.users.models import Role, TeamMember, User

pytestmark = [pytest.mark.django_db, pytest.mark.pg18]


def roles(cast, project):
    people = ("owner", "admin", "member", "guest", "outsider")
    return {name: role_in_project(getattr(cast, name), project.pk) for name in people}


def test_a_team_visible_project_is_open_to_members_and_closed_to_guests_who_were_not_added(cast):
    project = create_project(actor=cast.member, team_id=cast.team.pk, key="WEB", name="Website")
    # Its maker is its admin.
    assert roles(cast, project) == {
        "owner": Role.OWNER,
        "admin": Role.ADMIN,
        "member": Role.ADMIN,
        "guest": None,
        "outsider": None,
    }


def test_a_members_only_project_is_seen_by_its_members_and_the_teams_admins(cast):
    project = create_project(
        actor=cast.owner, team_id=cast.team.pk, key="HR", name="People", visibility="members"
    )
    assert roles(cast, project)["member"] is None
    add_project_member(actor=cast.owner, project_id=project.pk, user_id=cast.member.pk, role=Role.MEMBER)
    assert roles(cast, project)["member"] is Role.MEMBER


def test_a_guest_of_the_team_stays_a_guest_whatever_the_project_says(cast):
    project = create_project(actor=cast.owner, team_id=cast.team.pk, key="WEB", name="Website")
    add_project_member(actor=cast.owner, project_id=project.pk, user_id=cast.guest.pk, role=Role.ADMIN)
    assert role_in_project(cast.guest, project.pk) is Role.GUEST


def test_leaving_the_team_ends_access_to_its_projects(cast):
    TeamMember.objects.filter(user=cast.guest).delete()
    assert role_in_project(cast.guest, cast.project.pk) is None


def test_a_deactivated_person_has_no_access(cast):
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    assert role_in_project(cast.owner, cast.project.pk) is None


def test_a_personal_task_is_seen_by_its_creator_and_assignees_alone(cast):
    task = create_task(actor=cast.member, title="Mine", assignee_ids=[cast.guest.pk])
    seen = {name: role_on(getattr(cast, name), task) for name in ("owner", "admin", "member", "guest")}
    assert seen == {"owner": None, "admin": None, "member": Role.MEMBER, "guest": Role.MEMBER}
    assert list(Task.objects.visible_to(cast.owner)) == []
    assert list(Task.objects.visible_to(cast.guest)) == [task]


def test_lists_and_details_agree_on_what_is_visible(cast):
    task = create_task(actor=cast.member, title="Seen", project_id=cast.project.pk)
    for person in (*cast.insiders, cast.outsider):
        listed = task in selectors.list_tasks(person)
        assert listed == (role_on(person, task) is not None)


def test_a_task_appears_once_however_many_are_on_it(cast):
    task = create_task(actor=cast.member, title="Mine")
    for person in (cast.guest, cast.admin):
        assign_task(actor=cast.member, task_id=task.pk, user_id=person.pk)
    ids = [cast.member.pk, cast.guest.pk, cast.admin.pk]
    assert list(selectors.list_tasks(cast.member, assignee_ids=ids)) == [task]


def test_a_new_project_moves_the_access_epoch_of_the_whole_team(cast):
    before = dict(User.objects.values_list("pk", "access_epoch"))
    create_project(actor=cast.owner, team_id=cast.team.pk, key="WEB", name="Website")
    after = dict(User.objects.values_list("pk", "access_epoch"))
    assert {pk for pk in after if after[pk] > before[pk]} == {person.pk for person in cast.insiders}
