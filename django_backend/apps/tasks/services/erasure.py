"""A person asks to be erased: name, addresses and the text they wrote go, from the tables and from the log."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction

from apps.tasks.models import Comment, Task
from apps.tasks.services.change import TaskChange
from apps.tasks.services.comments import delete_locked
from apps.users.models import User
from apps.users.policies import require_can_end
from apps.users.services.leaving import erase_account
from apps.users.services.locking import lock_user

ERASED_TITLE = "Erased"
WHY = "erasure of a person on request"


@transaction.atomic
def erase_person(*, actor: User, user_id: int) -> User:
    """One's own erasure, or as an operator somebody's. Comments of theirs keep their mark and lose their text; personal
    tasks that nobody else is on lose title and description. What they did in projects stays, under no name.

    Raises NotFound, Forbidden, LastOwner. Projections hold the text until they are rebuilt.
    """
    user = lock_user(user_id)
    require_can_end(actor, user)
    if user.erased_at is not None:
        return user
    _delete_comments(user)
    personal = _empty_personal_tasks(user)
    erase_account(user, actor=actor)
    _redact(user, personal, actor)
    return user


def _delete_comments(author: User) -> None:
    """Each is stated as deleted; in the order of tasks, whatever their author may still see of them."""
    written = Comment.objects.filter(author=author, deleted_at__isnull=True)
    for task_id in written.order_by("task_id").values_list("task_id", flat=True).distinct():
        task = _locked(task_id)
        for comment in written.select_for_update(no_key=True).filter(task=task).order_by("id"):
            delete_locked(author, task, comment)


def _empty_personal_tasks(creator: User) -> list[int]:
    shared = Task.objects.exclude(assignments__user=creator).filter(assignments__isnull=False)
    alone = Task.objects.filter(project__isnull=True, creator=creator).exclude(pk__in=shared.values("pk"))
    ids = list(alone.order_by("pk").values_list("pk", flat=True))
    for task_id in ids:
        _empty(_locked(task_id), creator)
    return ids


def _empty(task: Task, actor: User) -> None:
    change = TaskChange(actor=actor, task=task)
    for field, new in (("title", ERASED_TITLE), ("description", "")):
        old = getattr(task, field)
        if old != new:
            setattr(task, field, new)
            changes = {"changes": {field: {"from": old, "to": new}}}
            change.fact("task.updated", changes, old={field: old}, new={field: new})
    change.save("title", "description")


def _locked(task_id: int) -> Task:
    Task.objects.for_change().get(pk=task_id)
    return Task.objects.select_related("project__team", "status", "creator").get(pk=task_id)


def _redact(author: User, personal: Iterable[int], actor: User) -> None:
    """The one way to change an event, by the function that belongs to the redactor: see its migration."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT redact_texts(%s, %s, %s, %s)",
            [author.pk, [str(task_id) for task_id in personal], actor.pk, WHY],
        )
