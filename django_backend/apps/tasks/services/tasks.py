"""All writes of tasks: create, edit, change status, assign. Every door calls these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.common.errors import Conflict, Forbidden, Invalid, NotFound
from apps.tasks.due import due_moment
from apps.tasks.events import due_state, plain_date, plain_time, status_state
from apps.tasks.models import (
    Assignment,
    AssignmentRole,
    Category,
    History,
    Priority,
    Project,
    ProjectCounter,
    Status,
    Task,
)
from apps.tasks.models.task import PRIORITY_KEYS, TITLE_LENGTH
from apps.tasks.policies import require_in_project
from apps.tasks.selectors import assignable_people
from apps.tasks.services.change import TaskChange
from apps.tasks.services.locking import MAX_ID, lock_task
from apps.users.models import Role, User

DESCRIPTION_LENGTH = 100_000


@transaction.atomic
def create_task(
    *,
    actor: User,
    title: str,
    project_id: int | None = None,
    description: str = "",
    priority: str = Priority.MEDIUM.key,
    status_id: int | None = None,
    due_date: date | None = None,
    due_time: time | None = None,
    assignee_ids: Sequence[int] = (),
) -> Task:
    """Make a task in a project (members and up) or, without one, a personal task. The first assignee owns it.

    Raises NotFound or Forbidden for the project, Invalid with the fields that are wrong.
    """
    project = _project_to_create_in(actor, project_id)
    people = _assignees(actor, project, assignee_ids)
    now = timezone.now()
    status = _status(project, status_id) if status_id is not None else _first_status(project)
    task = Task(
        project=project,
        title=_title(title),
        description=_description(description),
        priority=_priority(priority),
        status=status,
        category=status.category,
        completed_at=now if status.category == Category.DONE else None,
        creator=actor,
        created_at=now,
        updated_at=now,
    )
    _set_due(task, due_date, due_time)
    change = TaskChange(actor=actor, task=task, at=now)
    change.fact("task.created", {"description": task.description}, new={"title": task.title})
    assignments = []
    for index, person in enumerate(people):
        role = AssignmentRole.COLLABORATOR if index else AssignmentRole.OWNER
        assignments.append(Assignment(user=person, role=role, assigned_by=actor, assigned_at=now))
        assigned = {"user": person.pk, "role": role.value}
        change.fact("task.assigned", assigned, new=assigned)
    # The counter is the last row that is locked: only creators in the same project wait for it.
    task.number = _next_number(project) if project else None
    change.insert(assignments)
    return task


@transaction.atomic
def edit_task(
    *,
    actor: User,
    task_id: int,
    changes: Mapping[str, Any],
    if_match: int | None = None,
    base: int | None = None,
) -> Task:
    """Change the named fields: title, description, priority, due_date, due_time, status (its id).

    One event per fact, with consecutive versions. With `base` (the edit_version the editor started from) fields that
    nobody else changed since are merged; where the same field changed, Conflict (409) carries both values and nothing
    is written. `if_match` is strict (412). A change to the value that is there already states no fact.
    """
    task = lock_task(actor=actor, task_id=task_id, wanted=Role.MEMBER, if_match=if_match)
    unknown = set(changes) - set(EDITS)
    if unknown:
        raise Invalid(
            fields={name: ["There is no such field."] for name in sorted(unknown)}, code="unknown_field"
        )
    if base is not None:
        _refuse_overwriting(task, changes, base)
    change = TaskChange(actor=actor, task=task)
    saved: list[str] = []
    for name in EDITS:
        if name in changes:
            saved += EDITS[name](change, task, changes)
    change.save(*dict.fromkeys(saved))
    return task


def change_status(*, actor: User, task_id: int, status_id: int, if_match: int | None = None) -> Task:
    """Move the task to another status of its project. Reaching one of the category done completes it."""
    return edit_task(actor=actor, task_id=task_id, changes={"status": status_id}, if_match=if_match)


@transaction.atomic
def assign_task(
    *, actor: User, task_id: int, user_id: int, role: str = AssignmentRole.OWNER, if_match: int | None = None
) -> Task:
    """Put a person on the task. They must have access to its project; being on it already states no fact."""
    task = lock_task(actor=actor, task_id=task_id, wanted=Role.MEMBER, if_match=if_match)
    if role not in AssignmentRole.values:
        raise Invalid(fields={"role": [f"Use one of: {', '.join(AssignmentRole.values)}."]})
    (person,) = _assignees(actor, task.project, [user_id], field="user")
    if task.assignments.filter(user=person).exists():
        return task
    change = TaskChange(actor=actor, task=task)
    Assignment.objects.create(task=task, user=person, role=role, assigned_by=actor, assigned_at=change.at)
    assigned = {"user": person.pk, "role": str(role)}
    change.fact("task.assigned", assigned, new=assigned)
    change.save()
    return task


@transaction.atomic
def unassign_task(*, actor: User, task_id: int, user_id: int, if_match: int | None = None) -> Task:
    """Take a person off the task; not being on it states no fact."""
    task = lock_task(actor=actor, task_id=task_id, wanted=Role.MEMBER, if_match=if_match)
    removed, _ = task.assignments.filter(user_id=user_id).delete() if 0 < user_id <= MAX_ID else (0, {})
    if removed:
        change = TaskChange(actor=actor, task=task)
        change.fact("task.unassigned", {"user": user_id}, old={"user": user_id})
        change.save()
    return task


def _project_to_create_in(actor: User, project_id: int | None) -> Project | None:
    if project_id is None and actor.narrowed_to is not None:
        raise Forbidden("This token is good for one project. Name it as the task's.", code="scope_too_narrow")
    if project_id is None:
        return None
    project = (
        Project.objects.select_related("team").filter(pk=project_id).first()
        if 0 < project_id <= MAX_ID
        else None
    )
    if project is None:
        raise Invalid(fields={"project": ["There is no such project."]}, code="unknown_project")
    try:
        require_in_project(actor, project, Role.MEMBER)
    except NotFound as problem:
        # Like an absent one: which projects exist is nobody's to probe.
        raise Invalid(fields={"project": ["There is no such project."]}, code="unknown_project") from problem
    if project.archived_at is not None:
        raise Conflict("This project is archived.", code="project_archived")
    return project


def _next_number(project: Project) -> int:
    """The project's next task number; the counter's row stays locked until the transaction ends, so none is skipped."""
    ProjectCounter.objects.filter(project=project).update(next_number=F("next_number") + 1)
    return ProjectCounter.objects.values_list("next_number", flat=True).get(project=project) - 1


def _first_status(project: Project | None) -> Status:
    status = Status.objects.filter(project=project, category=Category.TODO).order_by("order", "id").first()
    if status is None:
        raise Conflict("This project has no status of the kind to do.", code="no_first_status")
    return status


def _status(project: Project | None, status_id: int) -> Status:
    status = Status.objects.filter(pk=status_id, project=project).first() if 0 < status_id <= MAX_ID else None
    if status is None:
        raise Invalid(fields={"status": ["This is no status of the task's project."]}, code="unknown_status")
    return status


def _assignees(
    actor: User, project: Project | None, user_ids: Sequence[int], *, field: str = "assignees"
) -> list[User]:
    """The people in the order given, each of whom may be assigned here."""
    wanted = list(dict.fromkeys(user_ids))
    if not wanted:
        return []
    known = {
        person.pk: person for person in assignable_people(actor, project).filter(pk__in=_plausible(wanted))
    }
    missing = [user_id for user_id in wanted if user_id not in known]
    if missing:
        raise Invalid(
            fields={field: [f"Nobody with the id {user_id} has access here." for user_id in missing]},
            code="unknown_assignee",
        )
    return [known[user_id] for user_id in wanted]


def _plausible(ids: Sequence[int]) -> list[int]:
    return [value for value in ids if 0 < value <= MAX_ID]


def _title(value: str) -> str:
    """One line: white space of any kind becomes single spaces."""
    title = " ".join(_text(value, "title", TITLE_LENGTH).split())
    if not title:
        raise Invalid(fields={"title": ["Give the task a title."]}, code="required")
    return title


def _description(value: str) -> str:
    return _text(value, "description", DESCRIPTION_LENGTH)


def _text(value: str, field: str, longest: int) -> str:
    if "\x00" in value:
        raise Invalid(fields={field: ["A NUL character can't be stored."]}, code="unstorable_text")
    if len(value) > longest:
        raise Invalid(fields={field: [f"Use at most {longest} characters."]}, code="too_long")
    return value


def _priority(key: str) -> Priority:
    if key not in PRIORITY_KEYS:
        raise Invalid(
            fields={"priority": [f"Use one of: {', '.join(PRIORITY_KEYS)}."]}, code="unknown_priority"
        )
    return Priority.from_key(key)


def _set_due(task: Task, day: date | None, at: time | None) -> None:
    if day is None and at is not None:
        raise Invalid(fields={"due_time": ["Give the day as well."]}, code="due_time_without_date")
    zone = task.project.team.time_zone if task.project else task.creator.time_zone
    try:
        moment = due_moment(day, at, zone)
    except OverflowError as problem:
        raise Invalid(fields={"due_date": ["This date is out of range."]}, code="out_of_range") from problem
    task.due_date, task.due_time, task.due_at = day, at, moment


def _edit_text(
    field: str, clean: Callable[[str], str]
) -> Callable[[TaskChange, Task, Mapping[str, Any]], list[str]]:
    def edit(change: TaskChange, task: Task, changes: Mapping[str, Any]) -> list[str]:
        old, new = getattr(task, field), clean(changes[field])
        if old == new:
            return []
        setattr(task, field, new)
        change.fact(
            "task.updated", {"changes": {field: {"from": old, "to": new}}}, old={field: old}, new={field: new}
        )
        return [field]

    return edit


def _edit_priority(change: TaskChange, task: Task, changes: Mapping[str, Any]) -> list[str]:
    old, new = Priority(task.priority), _priority(changes["priority"])
    if old == new:
        return []
    task.priority = new
    change.fact("task.priority_changed", {"from": old.key, "to": new.key}, old=old.key, new=new.key)
    return ["priority"]


def _edit_due(change: TaskChange, task: Task, changes: Mapping[str, Any]) -> list[str]:
    """Date and time are one fact; a date taken away takes its time along."""
    old = due_state(task)
    day = changes.get("due_date", task.due_date)
    at = changes.get("due_time", task.due_time if day else None)
    _set_due(task, day, at)
    new = due_state(task)
    if old == new:
        return []
    change.fact("task.due_changed", {"from": old, "to": new}, old=old, new=new)
    return ["due_date", "due_time", "due_at"]


def _edit_status(change: TaskChange, task: Task, changes: Mapping[str, Any]) -> list[str]:
    old, new = task.status, _status(task.project, changes["status"])
    if old.pk == new.pk:
        return []
    task.status, task.category = new, new.category
    if new.category == Category.DONE:
        task.completed_at = task.completed_at or change.at
    else:
        task.completed_at = None
    before, after = status_state(old), status_state(new)
    change.fact("task.status_changed", {"from": before, "to": after}, old=before, new=after)
    return ["status", "category", "completed_at"]


# In the order in which the facts of one command are stated.
EDITS: dict[str, Callable[[TaskChange, Task, Mapping[str, Any]], list[str]]] = {
    "title": _edit_text("title", _title),
    "description": _edit_text("description", _description),
    "priority": _edit_priority,
    "due_date": _edit_due,
    "due_time": _edit_due,
    "status": _edit_status,
}

FIELD_OF_FACT = {
    "task.priority_changed": ("priority",),
    "task.due_changed": ("due_date", "due_time"),
    "task.status_changed": ("status",),
}


def _refuse_overwriting(task: Task, changes: Mapping[str, Any], base: int) -> None:
    """Raise Conflict with both values for each field that somebody changed after `base` to something else."""
    if base > task.edit_version:
        raise Invalid(fields={"base": ["No such version of this task was ever read."]}, code="unknown_base")
    touched: set[str] = set()
    for entry in History.objects.filter(task_id=task.pk, version__gt=base):
        touched |= set(FIELD_OF_FACT.get(entry.type, entry.new or () if entry.type == "task.updated" else ()))
    current = {
        "title": task.title,
        "description": task.description,
        "priority": task.priority_key,
        "due_date": plain_date(task.due_date),
        "due_time": plain_time(task.due_time),
        "status": task.status_id,
    }
    clashes = {
        name: {"yours": _plain(value), "theirs": current[name]}
        for name, value in changes.items()
        if name in touched and _plain(value) != current[name]
    }
    if clashes:
        raise Conflict(
            extra={"conflicts": clashes, "edit_version": task.edit_version, "version": task.version}
        )


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return plain_date(value)
    return plain_time(value) if isinstance(value, time) else value
