"""Projects for tests, made by the services, so that their events and versions are right."""

from __future__ import annotations

from apps.tasks.models import Project
from apps.tasks.services.projects import add_project_member, create_project
from apps.users.models import Role, Team, User


def make_project(
    owner: User, team: Team, key: str = "OPS", name: str = "Operations", **members: User
) -> Project:
    """A project visible to the team; `members` maps roles to people who are in it besides."""
    project = create_project(actor=owner, team_id=team.pk, key=key, name=name)
    for role, person in members.items():
        add_project_member(actor=owner, project_id=project.pk, user_id=person.pk, role=Role(role))
    return project
