"""How services take hold of a task: the row is locked before anything is asked of it or an event is written."""

from __future__ import annotations

from apps.common.errors import Conflict, NotFound, PreconditionFailed
from apps.tasks.models import Task
from apps.tasks.policies import require_on_task
from apps.users.models import Role, User

# The largest bigint: a longer number in an address or a body is simply no id of ours.
MAX_ID = 2**63 - 1


def lock_task(*, actor: User, task_id: int, wanted: Role, if_match: int | None = None) -> Task:
    """The task, locked, for an actor with the `wanted` role on it.

    Raises NotFound for an absent or invisible task, Forbidden for too low a role, Conflict (code task_archived) for an
    archived one, PreconditionFailed (412) where `if_match` is not its edit_version.
    """
    if not 0 < task_id <= MAX_ID:
        raise NotFound
    # Two queries on purpose. Were the lock taken on a join, a row whose status or project changed while we waited would
    # be re-checked against the old joined row, fail, and seem absent.
    if not Task.objects.for_change().filter(pk=task_id).values_list("pk", flat=True):
        raise NotFound
    task = Task.objects.select_related("project__team", "status", "creator").get(pk=task_id)
    require_on_task(actor, task, wanted)
    if task.archived_at is not None:
        raise Conflict("This task is archived. Unarchive it first.", code="task_archived")
    if if_match is not None and if_match != task.edit_version:
        raise PreconditionFailed(extra={"edit_version": task.edit_version, "version": task.version})
    return task
