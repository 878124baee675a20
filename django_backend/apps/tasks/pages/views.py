"""The pages of tasks: parse, call one service or selector, render. Every form works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.common.api.pagination import keyset_page
from apps.common.errors import DomainError, Forbidden, NotFound
from apps.common.pages.errors import signed_in_page
from apps.tasks import selectors
from apps.tasks.models import Comment, Task
from apps.tasks.models.status import Category
from apps.tasks.models.task import PRIORITY_KEYS
from apps.tasks.pages.commands import new_key, run_on_comment, run_on_task
from apps.tasks.pages.feed import activity_lines, notification_lines
from apps.tasks.pages.filters import picks, read_filters
from apps.tasks.pages.forms import (
    ChoiceForm,
    CommentForm,
    PersonForm,
    StatusForm,
    TaskForm,
    add_problem,
    problem_sentence,
)
from apps.tasks.pages.listing import GROUPS, group_by_due, page_by_due
from apps.tasks.pages.reader import bounded_count, live_from_now, reader_of, shell_context
from apps.tasks.pages.task_page import Refused, show_task
from apps.tasks.services import comments, tasks

CommentOperation = Callable[[], Comment]
FEED_SIZE = 50
LATEST_FIRST = ("-seq",)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return redirect("task-list" if request.user.is_authenticated else "sign-in")


@require_GET
@signed_in_page
def task_list(request: HttpRequest) -> HttpResponse:
    """Open tasks by due date, or what the filters in the address ask for."""
    reader = reader_of(request)
    filters = read_filters(request.GET, reader)
    live = live_from_now(reader, filters.room)
    if request.GET.get("jump") and (task := _named(request, filters.text)):
        return _to_task(task)
    found = selectors.list_tasks(reader, **filters.selection())
    page = page_by_due(found, request.GET.get("cursor"))
    shell = shell_context(reader)
    project = next((p for p in shell["projects"] if p.pk == filters.project_id), None)
    people = list(selectors.assignable_people(reader, project))
    context = {
        "live": live,
        **shell,
        "filters": filters,
        "project": project,
        "picks": picks(filters, request.GET, shell["projects"], people),
        "people": people,
        "categories": Category.choices,
        "priorities": list(reversed(PRIORITY_KEYS)),
        "total": bounded_count(found),
        "groups": group_by_due(
            page.rows, now=timezone.now(), zone=ZoneInfo(reader.time_zone), open_only=filters.open_only
        ),
        "group_titles": GROUPS,
        "shown": len(page.rows),
        "next_cursor": page.next_cursor,
        "is_first_page": not request.GET.get("cursor"),
    }
    return render(request, "tasks/list.html", context)


def _named(request: HttpRequest, text: str) -> Task | None:
    """The task whose number was typed into the search field, where the reader can see it."""
    try:
        return selectors.get_task(reader_of(request), text)
    except NotFound:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in_page
def task_new(request: HttpRequest) -> HttpResponse:
    """Make a task. `another` makes it and offers an empty form again."""
    reader = reader_of(request)
    if request.method != "POST":
        initial = {"priority": "medium", "project": request.GET.get("project", "")}
        return _task_form(request, TaskForm(reader, initial=initial), status=200)
    form = TaskForm(reader, request.POST)
    if not form.is_valid():
        return _task_form(request, form, status=400)
    try:
        outcome = run_on_task(request, lambda: _create(request, form))
    except (NotFound, Forbidden):
        raise
    except DomainError as problem:
        add_problem(form, problem)
        return _task_form(request, form, status=problem.status)
    task = selectors.get_task(reader, outcome.object_id or 0)
    if "another" in request.POST:
        messages.success(request, f"{task.ref} is made: {task.title}")
        query = urlencode({"project": task.project_id}) if task.project_id else ""
        return HttpResponseRedirect(f"{reverse('task-new')}?{query}")
    return _to_task(task)


def _create(request: HttpRequest, form: TaskForm) -> Task:
    values = form.cleaned_data
    return tasks.create_task(
        actor=reader_of(request),
        title=values["title"],
        project_id=values["project"],
        description=values["description"],
        priority=values["priority"],
        due_date=values["due_date"],
        due_time=values["due_time"],
        assignee_ids=values["assignees"],
    )


def _task_form(request: HttpRequest, form: TaskForm, *, status: int) -> HttpResponse:
    context = {**shell_context(reader_of(request)), "form": form, "key": new_key()}
    return render(request, "tasks/new.html", context, status=status)


@require_GET
@signed_in_page
def task_page(request: HttpRequest, ref: str) -> HttpResponse:
    return show_task(request, ref)


@require_POST
@signed_in_page
def task_status(request: HttpRequest, ref: str) -> HttpResponse:
    """Move the task to another status."""
    return _change(request, ref, StatusForm(request.POST), tasks.change_status)


@require_POST
@signed_in_page
def task_assign(request: HttpRequest, ref: str) -> HttpResponse:
    """Put a person on the task."""
    return _change(request, ref, PersonForm(request.POST), tasks.assign_task)


@require_POST
@signed_in_page
def task_unassign(request: HttpRequest, ref: str) -> HttpResponse:
    """Take a person off the task."""
    return _change(request, ref, PersonForm(request.POST), tasks.unassign_task)


def _change(request: HttpRequest, ref: str, form: ChoiceForm, service: Callable[..., Task]) -> HttpResponse:
    """Run a form of one choice and go back to the task; a refusal shows the task with the reason on top."""
    task = selectors.get_task(reader_of(request), ref)
    if not form.is_valid():
        return show_task(request, ref, Refused(400, sentence=form.first_error))
    try:
        run_on_task(request, lambda: service(actor=reader_of(request), task_id=task.pk, **form.chosen))
    except (NotFound, Forbidden):
        raise
    except DomainError as problem:
        return show_task(request, task.ref, Refused(problem.status, sentence=_reason(problem)))
    return _to_task(task)


def _reason(problem: DomainError) -> str:
    sentences = [sentence for field in problem.fields.values() for sentence in field]
    return " ".join(sentences) or problem_sentence(problem)


@require_POST
@signed_in_page
def comment_add(request: HttpRequest, ref: str) -> HttpResponse:
    """Say something about the task."""
    task, form = selectors.get_task(reader_of(request), ref), CommentForm(request.POST)
    return _comment(
        request,
        task,
        form,
        lambda: comments.add_comment(
            actor=reader_of(request), task_id=task.pk, body=form.cleaned_data["body"]
        ),
    )


@require_POST
@signed_in_page
def comment_edit(request: HttpRequest, ref: str, comment_id: int) -> HttpResponse:
    """Change one's own comment."""
    task, form = selectors.get_task(reader_of(request), ref), CommentForm(request.POST)
    return _comment(
        request,
        task,
        form,
        lambda: comments.edit_comment(
            actor=reader_of(request), task_id=task.pk, comment_id=comment_id, body=form.cleaned_data["body"]
        ),
        comment_id,
    )


def _comment(
    request: HttpRequest,
    task: Task,
    form: CommentForm,
    operation: CommentOperation,
    comment_id: int | None = None,
) -> HttpResponse:
    """Run a form with a comment's text; a refusal shows the task with the text still in its form."""
    if not form.is_valid():
        return show_task(request, task.ref, Refused(400, form, comment_id))
    try:
        outcome = run_on_comment(request, operation)
    except (NotFound, Forbidden):
        raise
    except DomainError as problem:
        add_problem(form, problem)
        return show_task(request, task.ref, Refused(problem.status, form, comment_id))
    return _to_task(task, f"comment-{outcome.object_id}")


@require_POST
@signed_in_page
def comment_delete(request: HttpRequest, ref: str, comment_id: int) -> HttpResponse:
    """Take a comment's text away; its mark stays."""
    task = selectors.get_task(reader_of(request), ref)
    try:
        run_on_comment(
            request,
            lambda: comments.delete_comment(actor=reader_of(request), task_id=task.pk, comment_id=comment_id),
        )
    except (NotFound, Forbidden):
        raise
    except DomainError as problem:
        return show_task(request, task.ref, Refused(problem.status, sentence=_reason(problem)))
    return _to_task(task, f"comment-{comment_id}")


@require_GET
@signed_in_page
def activity(request: HttpRequest) -> HttpResponse:
    """What happened where the reader may look, newest first."""
    reader = reader_of(request)
    live = live_from_now(reader, "me")
    page = keyset_page(
        selectors.list_activity(reader), LATEST_FIRST, cursor=request.GET.get("cursor"), limit=FEED_SIZE
    )
    context = {
        "live": live,
        **shell_context(reader),
        "days": activity_lines(page.rows, reader),
        "next_cursor": page.next_cursor,
    }
    return render(request, "tasks/activity.html", context)


@require_GET
@signed_in_page
def inbox(request: HttpRequest) -> HttpResponse:
    """What may interest the reader, newest first."""
    reader = reader_of(request)
    live = live_from_now(reader, "me")
    page = keyset_page(
        selectors.list_notifications(reader),
        ("-seq", "-id"),
        cursor=request.GET.get("cursor"),
        limit=FEED_SIZE,
    )
    context = {
        "live": live,
        **shell_context(reader),
        "days": notification_lines(page.rows, reader),
        "next_cursor": page.next_cursor,
    }
    return render(request, "tasks/inbox.html", context)


def _to_task(task: Task, anchor: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("task", args=[task.ref]) + (f"#{anchor}" if anchor else ""))
