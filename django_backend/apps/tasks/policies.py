"""Who may do what. Decided on the view `project_access`; asked inside every service and selector.

An invisible task answers like an absent one (NotFound); a visible one that may not be changed answers Forbidden.
"""

from __future__ import annotations

from django.db import connection

from apps.common.errors import Forbidden, NotFound
from apps.tasks.models import Comment, Project, Task
from apps.users.models import ROLE_RANK, Role, User


def role_in_project(person: User, project_id: int) -> Role | None:
    """The person's role in the project, None for outsiders and in a session that is good for another project only."""
    if person.narrowed_to not in (None, project_id):
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT role FROM project_access WHERE user_id = %s AND project_id = %s", [person.pk, project_id]
        )
        row = cursor.fetchone()
    return Role(row[0]) if row else None


def role_on(person: User, task: Task) -> Role | None:
    """The person's role on the task. A personal task makes members of its creator and assignees."""
    if task.project_id is not None:
        return role_in_project(person, task.project_id)
    if not person.is_active or person.narrowed_to is not None:
        return None
    is_theirs = task.creator_id == person.pk or task.assignments.filter(user_id=person.pk).exists()
    return Role.MEMBER if is_theirs else None


def at_least(role: Role | None, wanted: Role) -> bool:
    return role is not None and ROLE_RANK[role] >= ROLE_RANK[wanted]


def can_see(person: User, task: Task) -> bool:
    return role_on(person, task) is not None


def can_comment(person: User, task: Task) -> bool:
    return at_least(role_on(person, task), Role.GUEST)


def can_edit(person: User, task: Task) -> bool:
    return at_least(role_on(person, task), Role.MEMBER)


def can_manage(person: User, task: Task) -> bool:
    return at_least(role_on(person, task), Role.ADMIN)


def can_edit_comment(person: User, task: Task, comment: Comment) -> bool:
    """Its author, as long as they may comment."""
    return comment.author_id == person.pk and can_comment(person, task)


def can_delete_comment(person: User, task: Task, comment: Comment) -> bool:
    """Its author, and those who manage the project."""
    return can_edit_comment(person, task, comment) or can_manage(person, task)


def require_on_task(person: User, task: Task, wanted: Role) -> Role:
    """Raise NotFound for a task the person can't see, Forbidden for one they may not do this on."""
    role = role_on(person, task)
    if role is None:
        raise NotFound
    if not at_least(role, wanted):
        raise Forbidden(f"This takes the role {wanted.label.lower()} or higher.")
    return role


def require_in_project(person: User, project: Project, wanted: Role) -> Role:
    """The same for a project."""
    role = role_in_project(person, project.pk)
    if role is None:
        raise NotFound
    if not at_least(role, wanted):
        raise Forbidden(f"This takes the role {wanted.label.lower()} or higher.")
    return role
