"""All writes of projects and their members."""

from __future__ import annotations

import re

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.common.errors import Conflict, Forbidden, Invalid, NotFound
from apps.common.events.record import record
from apps.tasks.events import project_state
from apps.tasks.models import Category, Project, ProjectCounter, ProjectMember, Status, Visibility
from apps.tasks.models.project import KEY_PATTERN
from apps.tasks.policies import at_least, require_in_project
from apps.tasks.services.locking import MAX_ID
from apps.users.models import Role, Team, TeamMember, User
from tms_events.envelope import Event

NAME_LENGTH = 100
DEFAULT_STATUSES = tuple((category.label, category) for category in Category)


@transaction.atomic
def create_project(
    *,
    actor: User,
    team_id: int,
    key: str,
    name: str,
    description: str = "",
    visibility: str = Visibility.TEAM,
) -> Project:
    """Make a project with the five default statuses; members of the team and up may. Its maker becomes its admin.

    Raises NotFound for a team that is not theirs, Forbidden for guests, Invalid for fields, Conflict for a key in use.
    """
    _check(key, name, visibility)
    # The people first, then the question: whoever is taken out of the team meanwhile waits for us, or we for that.
    members = _locked_members(team_id)
    team = _team_for(actor, team_id)
    try:
        with transaction.atomic():  # a savepoint: the unique violation must not spoil the transaction
            project = Project.objects.create(
                team=team,
                key=key,
                name=name.strip(),
                description=description,
                visibility=visibility,
                version=2,
            )
    except IntegrityError as problem:
        raise Conflict(f"The key {key} is in use.", code="project_key_in_use") from problem
    Status.objects.bulk_create(
        Status(project=project, name=label, category=category, order=order)
        for order, (label, category) in enumerate(DEFAULT_STATUSES, start=1)
    )
    ProjectCounter.objects.create(project=project)
    ProjectMember.objects.create(project=project, user=actor, role=Role.ADMIN)
    # Everyone in the team may see something new now.
    User.objects.filter(pk__in=members).update(access_epoch=F("access_epoch") + 1)
    record(
        _project_event("project.created", actor, project, 1, project=project_state(project)),
        _member_added(actor, project, 2, actor, Role.ADMIN),
    )
    return project


@transaction.atomic
def add_project_member(*, actor: User, project_id: int, user_id: int, role: str) -> ProjectMember:
    """Give somebody of the team a role in the project; admins of the project may. The same again changes nothing."""
    if role not in Role.values:
        raise Invalid(fields={"role": [f"Use one of: {', '.join(Role.values)}."]})
    person = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True).first()
    project = (
        Project.objects.select_for_update(no_key=True).filter(pk=project_id).first()
        if 0 < project_id <= MAX_ID
        else None
    )
    if project is None:
        raise NotFound
    require_in_project(actor, project, Role.ADMIN)
    if person is None or not TeamMember.objects.filter(team_id=project.team_id, user=person).exists():
        raise Invalid(fields={"user": ["This person is not in the project's team."]}, code="not_in_team")
    membership, is_new = ProjectMember.objects.get_or_create(
        project=project, user=person, defaults={"role": role}
    )
    if not is_new:
        return membership
    project.version += 1
    project.save(update_fields=["version"])
    User.objects.filter(pk=person.pk).update(access_epoch=F("access_epoch") + 1)
    record(_member_added(actor, project, project.version, person, Role(role)))
    return membership


def _team_for(actor: User, team_id: int) -> Team:
    team = Team.objects.filter(pk=team_id).first() if 0 < team_id <= MAX_ID else None
    membership = TeamMember.objects.filter(team=team, user=actor).first() if team else None
    # A token that is good for one project sees no team.
    if team is None or membership is None or actor.narrowed_to is not None:
        raise NotFound
    if not at_least(Role(membership.role), Role.MEMBER):
        raise Forbidden("Guests don't make projects.")
    return team


def _check(key: str, name: str, visibility: str) -> None:
    fields = {}
    if not re.fullmatch(KEY_PATTERN, key):
        fields["key"] = ["Use 2 to 10 capitals and digits, a capital first."]
    if not name.strip() or len(name) > NAME_LENGTH or "\x00" in name:
        fields["name"] = [f"Give it a name of at most {NAME_LENGTH} characters."]
    if visibility not in Visibility.values:
        fields["visibility"] = [f"Use one of: {', '.join(Visibility.values)}."]
    if fields:
        raise Invalid(fields=fields)


def _locked_members(team_id: int) -> list[int]:
    """The team's people, locked in the order of their ids; nobody where there is no such team."""
    if not 0 < team_id <= MAX_ID:
        return []
    members = User.objects.filter(team_memberships__team=team_id).order_by("pk")
    return [person.pk for person in members.select_for_update(no_key=True, of=("self",))]


def _member_added(actor: User, project: Project, version: int, person: User, role: Role) -> Event:
    return _project_event(
        "project.member_added",
        actor,
        project,
        version,
        project=project.pk,
        team=project.team_id,
        user=person.pk,
        role=role.value,
    )


def _project_event(
    event_type: str, actor: User, project: Project, version: int, /, **payload: object
) -> Event:
    return Event(
        type=event_type,
        aggregate_id=str(project.pk),
        version=version,
        payload=dict(payload),
        actor=actor.pk,
        occurred_at=timezone.now(),
        correlation_id=uuid7(),
    )
