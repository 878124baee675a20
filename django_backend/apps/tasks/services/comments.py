"""All writes of comments. A comment's facts are the task's: they move its version, never its edit_version."""

from __future__ import annotations

from django.db import transaction

from apps.common.errors import Conflict, Forbidden, Invalid, NotFound
from apps.tasks.events import comment_state
from apps.tasks.models import Comment, Task
from apps.tasks.models.comment import BODY_LENGTH
from apps.tasks.policies import can_delete_comment, can_edit_comment
from apps.tasks.services.change import TaskChange
from apps.tasks.services.locking import MAX_ID, lock_task
from apps.users.models import Role, User


@transaction.atomic
def add_comment(*, actor: User, task_id: int, body: str) -> Comment:
    """Say something about a task; everyone who sees it may, guests included. Markdown, at most 20,000 characters."""
    task = lock_task(actor=actor, task_id=task_id, wanted=Role.GUEST)
    change = TaskChange(actor=actor, task=task)
    comment = Comment.objects.create(
        task=task, author=actor, body=_body(body), created_at=change.at, version=task.version + 1
    )
    change.fact(
        "comment.added",
        {"comment": comment_state(comment)},
        new={"comment": comment.pk, "body": comment.body},
        is_edit=False,
    )
    change.save()
    return comment


@transaction.atomic
def edit_comment(*, actor: User, task_id: int, comment_id: int, body: str) -> Comment:
    """Change one's own comment; the same text again states no fact."""
    task = lock_task(actor=actor, task_id=task_id, wanted=Role.GUEST)
    comment = _lock_comment(task, comment_id)
    if not can_edit_comment(actor, task, comment):
        raise Forbidden("Only its author may change a comment.", code="not_the_author")
    old, new = comment.body, _body(body)
    if old == new:
        return comment
    change = TaskChange(actor=actor, task=task)
    comment.body, comment.edited_at, comment.version = new, change.at, task.version + 1
    comment.save(update_fields=["body", "edited_at", "version"])
    change.fact(
        "comment.edited",
        {"comment": comment_state(comment), "previous_body": old},
        old={"comment": comment.pk, "body": old},
        new={"comment": comment.pk, "body": new},
        is_edit=False,
    )
    change.save()
    return comment


@transaction.atomic
def delete_comment(*, actor: User, task_id: int, comment_id: int) -> Comment:
    """Take a comment's text away, one's own or, for admins, anybody's; its row and mark stay."""
    task = lock_task(actor=actor, task_id=task_id, wanted=Role.GUEST)
    comment = _lock_comment(task, comment_id)
    if not can_delete_comment(actor, task, comment):
        raise Forbidden("Only its author or an admin may delete a comment.", code="not_the_author")
    delete_locked(actor, task, comment)
    return comment


def delete_locked(actor: User, task: Task, comment: Comment) -> None:
    """Within the caller's transaction, who has locked both and asked the policy."""
    change = TaskChange(actor=actor, task=task)
    old = comment.body
    comment.body, comment.deleted_at, comment.version = "", change.at, task.version + 1
    comment.save(update_fields=["body", "deleted_at", "version"])
    change.fact(
        "comment.deleted",
        {"comment": {"id": comment.pk, "author": comment.author_id}},
        old={"comment": comment.pk, "body": old},
        is_edit=False,
    )
    change.save()


def _lock_comment(task: Task, comment_id: int) -> Comment:
    """The comment of this very task, locked; raises NotFound for another's, Conflict for a deleted one."""
    if not 0 < comment_id <= MAX_ID:
        raise NotFound
    comment = Comment.objects.select_for_update(no_key=True).filter(pk=comment_id, task=task).first()
    if comment is None:
        raise NotFound
    if comment.deleted_at is not None:
        raise Conflict("This comment was deleted.", code="comment_deleted")
    return comment


def _body(value: str) -> str:
    if "\x00" in value:
        raise Invalid(fields={"body": ["A NUL character can't be stored."]}, code="unstorable_text")
    if len(value) > BODY_LENGTH:
        raise Invalid(fields={"body": [f"Use at most {BODY_LENGTH} characters."]}, code="too_long")
    if not value.strip():
        raise Invalid(fields={"body": ["Write something first."]}, code="required")
    return value
