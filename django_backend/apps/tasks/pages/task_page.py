"""The context of one task's page: also rendered again, with what was typed, when a form on it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.tasks import selectors
from apps.tasks.models import Task
from apps.tasks.pages.commands import new_key
from apps.tasks.pages.forms import CommentForm
from apps.tasks.pages.reader import live_from_now, reader_of, shell_context
from apps.tasks.pages.thread import VIEWS, concerned_ids, weave
from apps.tasks.policies import at_least, role_on
from apps.users.models import Role, User


@dataclass(frozen=True, slots=True)
class Refused:
    """A form of the page that was refused: `comment_id` is the comment being edited, None for a new one."""

    status: int
    form: CommentForm | None = None
    comment_id: int | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the reader may do here; decided again by the service when they do it."""

    edit: bool
    manage: bool
    comment: bool


def show_task(request: HttpRequest, ref: str, refused: Refused | None = None) -> HttpResponse:
    """The whole page. The live position is read first; see live_from_now."""
    reader = reader_of(request)
    live = live_from_now(reader, "")
    task = selectors.get_task(reader, ref)
    context = {
        "live": {"room": f"task:{task.pk}", "seq": live.seq, "era": live.era, "epoch": live.epoch},
        **shell_context(reader),
        **task_context(reader, task, request.GET.get("thread", "")),
        "refused": refused,
        "composer": refused.form if refused and refused.comment_id is None else None,
    }
    return render(request, "tasks/task.html", context, status=refused.status if refused else 200)


def task_context(reader: User, task: Task, view: str) -> dict[str, Any]:
    """Everything but the shell: facts, thread, and the forms that the reader may use."""
    view = view if view in VIEWS else VIEWS[0]
    comments = list(selectors.list_comments(reader, task))
    history = list(selectors.list_history(reader, task))
    people = selectors.people_by_id(concerned_ids(history))
    rights = rights_on(reader, task)
    assigned = list(task.assignments.all())
    on_it = {assignment.user_id for assignment in assigned}
    entries = weave(comments, history, people, view=view, now=timezone.now(), zone=ZoneInfo(reader.time_zone))
    return {
        "task": task,
        "rights": rights,
        "assigned": assigned,
        "statuses": list(selectors.statuses_for(task.project)) if rights.edit else [],
        "assignable": [
            person for person in selectors.assignable_people(reader, task.project) if person.pk not in on_it
        ]
        if rights.edit
        else [],
        "entries": entries,
        "view": view,
        "comment_count": sum(comment.deleted_at is None for comment in comments),
        "history_count": sum(row.type.startswith("task.") for row in history),
        "new_key": new_key,
    }


def rights_on(reader: User, task: Task) -> Rights:
    """An archived task is only read."""
    role = role_on(reader, task)
    current = task.archived_at is None
    return Rights(
        edit=current and at_least(role, Role.MEMBER),
        manage=current and at_least(role, Role.ADMIN),
        comment=current and at_least(role, Role.GUEST),
    )
