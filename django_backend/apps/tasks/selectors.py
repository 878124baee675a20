"""Reads for screens and endpoints. Each takes the reader first and shows only what they may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.common.errors import NotFound
from apps.common.models import Activity, Notification
from apps.tasks.models import Comment, History, Priority, Project, Status, Task
from apps.tasks.querysets import TaskQuerySet, visible_project_ids
from apps.users.models import Role, User

MAX_ID = 2**63 - 1
LONGEST_REF = 30  # a key, a dash and a number


def list_tasks(
    reader: User,
    *,
    project_id: int | None = None,
    status_ids: Sequence[int] = (),
    categories: Sequence[str] = (),
    priorities: Sequence[str] = (),
    assignee_ids: Sequence[int] = (),
    text: str = "",
    open_only: bool = False,
    overdue_only: bool = False,
    mine: bool = False,
) -> TaskQuerySet:
    """Tasks that are not archived, filtered; each filter takes several values, filters combine."""
    tasks = Task.objects.visible_to(reader).current().for_display()
    if project_id is not None:
        tasks = tasks.filter(project_id=project_id)
    if status_ids:
        tasks = tasks.filter(status_id__in=status_ids)
    if categories:
        tasks = tasks.filter(category__in=categories)
    if priorities:
        tasks = tasks.filter(priority__in=[Priority.from_key(key) for key in priorities])
    if assignee_ids:
        tasks = tasks.assigned_to(assignee_ids)
    if mine:
        tasks = tasks.assigned_to([reader.pk])
    if text:
        tasks = tasks.filter(Q(title__icontains=text) | Q(description__icontains=text))
    if open_only:
        tasks = tasks.open()
    if overdue_only:
        tasks = tasks.overdue(timezone.now())
    return tasks


def get_task(reader: User, ref: str | int) -> Task:
    """The task by id or key (OPS-42), archived or not; raises NotFound where it is absent or invisible."""
    task = Task.objects.visible_to(reader).for_display().filter(_by_ref(ref)).first()
    if task is None:
        raise NotFound
    return task


def _by_ref(ref: str | int) -> Q:
    text = str(ref)
    if len(text) > LONGEST_REF:
        raise NotFound
    if text.isascii() and text.isdigit() and int(text) <= MAX_ID:
        return Q(pk=int(text))
    key, _, number = text.upper().rpartition("-")
    if key and number.isascii() and number.isdigit() and int(number) <= MAX_ID:
        return Q(project__key=key, number=int(number))
    raise NotFound


def list_comments(reader: User, task: Task) -> QuerySet[Comment]:
    """The task's comments, oldest first; a deleted one stays as a mark without text. The task is one they can see."""
    return task.comments.select_related("author").order_by("created_at", "id")


def get_comment(reader: User, task: Task, comment_id: int) -> Comment:
    """One comment of a task that the reader can see; raises NotFound."""
    comment = list_comments(reader, task).filter(pk=comment_id).first() if 0 < comment_id <= MAX_ID else None
    if comment is None:
        raise NotFound
    return comment


def list_history(reader: User, task: Task) -> QuerySet[History]:
    """What happened to a task that the reader can see, in order."""
    return History.objects.filter(task_id=task.pk).order_by("version")


def list_activity(reader: User) -> QuerySet[Activity]:
    """The feed, newest first: what happened in projects and teams of theirs, and to their personal tasks."""
    if reader.narrowed_to is not None:
        return Activity.objects.filter(project_id__in=visible_project_ids(reader)).order_by("-seq")
    teams = reader.team_memberships.exclude(role=Role.GUEST).values("team_id")
    personal = Task.objects.visible_to(reader).filter(project__isnull=True).values("pk")
    return Activity.objects.filter(
        Q(project_id__in=visible_project_ids(reader))
        | Q(project_id__isnull=True, task_id__isnull=True, team_id__in=teams)
        | Q(project_id__isnull=True, task_id__in=personal)
    ).order_by("-seq")


def list_notifications(reader: User) -> QuerySet[Notification]:
    """What may interest the reader, newest first, of tasks they can still see."""
    visible = Task.objects.visible_to(reader).values("pk")
    return Notification.objects.filter(recipient_id=reader.pk, task_id__in=visible).order_by("-seq")


def visible_projects(reader: User) -> QuerySet[Project]:
    return (
        Project.objects.filter(pk__in=visible_project_ids(reader), archived_at__isnull=True)
        .select_related("team")
        .order_by("key")
    )


def get_project(reader: User, project_id: int) -> Project:
    """Raises NotFound where it is absent or invisible."""
    project = visible_projects(reader).filter(pk=project_id).first() if 0 < project_id <= MAX_ID else None
    if project is None:
        raise NotFound
    return project


def projects_to_create_in(reader: User) -> QuerySet[Project]:
    """Where they are at least a member."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT project_id FROM project_access WHERE user_id = %s AND role <> 'guest'", [reader.pk]
        )
        ids = [row[0] for row in cursor.fetchall()]
    return visible_projects(reader).filter(pk__in=ids)


def statuses_for(project: Project | None) -> QuerySet[Status]:
    """The project's statuses in their order; those of personal tasks without one."""
    return Status.objects.filter(project=project).order_by("order", "id")


def assignable_people(reader: User, project: Project | None) -> QuerySet[User]:
    """Who may be put on a task: everyone with access to its project; on a personal one, the reader's team mates."""
    people = User.objects.filter(is_active=True).order_by("display_name", "pk")
    if project is None:
        mates = User.objects.filter(teams__in=reader.teams.all()).values("pk")
        return people.filter(Q(pk=reader.pk) | Q(pk__in=mates))
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id FROM project_access WHERE project_id = %s", [project.pk])
        ids = [row[0] for row in cursor.fetchall()]
    return people.filter(pk__in=ids)


def people_by_id(ids: Iterable[int | None]) -> dict[int, User]:
    """Names for ids that stand in history, feed and notifications; leavers keep theirs."""
    return User.objects.in_bulk({user_id for user_id in ids if user_id is not None})


def current_seq() -> int:
    """How far the log is ordered. A page reads it before its queries, so that live updates start where it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_seq FROM sequencer")
        return int(cursor.fetchone()[0])


def current_era() -> str:
    """In which era a `seq` means something: it changes when a backup is restored."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT era FROM sequencer")
        return str(cursor.fetchone()[0])
