"""The log as the tests know it: what an observer must have heard."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.common.events.models import EventPending, EventRow
from apps.common.events.record import record
from apps.tasks.models import Task
from apps.tasks.selectors import current_seq
from apps.tasks.services.tasks import create_task
from tms_events.envelope import Event

OF_TASKS = """
SELECT o.seq, e.event_id::text, e.type FROM event_order o JOIN event e ON e.id = o.event
WHERE e.aggregate_type = 'task' AND e.aggregate_id = ANY(%s) ORDER BY o.seq
"""


def make(actor: Any, title: str, project: Any = None, **values: Any) -> Task:
    """A task by the service; personal without a project."""
    return create_task(actor=actor, title=title, project_id=project.pk if project else None, **values)


def facts_about(*tasks: Task) -> list[tuple[int, str]]:
    """(seq, event id) of everything that happened to these tasks, in the log's order; waits for the relay."""
    seq_of_everything()
    with connection.cursor() as cursor:
        cursor.execute(OF_TASKS, [[str(task.pk) for task in tasks]])
        return [(seq, event_id) for seq, event_id, _ in cursor.fetchall()]


def seq_of_everything(within: float = 15.0) -> int:
    """The head of the log once the relay has given every event its place."""
    deadline = time.monotonic() + within
    while EventPending.objects.exists():
        assert time.monotonic() < deadline, "the relay does not run"
        time.sleep(0.02)
    return current_seq()


def heard_about(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(frame["seq"], frame["event"]["id"]) for frame in events]


@transaction.atomic
def state_many_updates(task: Task, actor: Any, count: int) -> None:
    """`count` more events of the task in the log, in one go: a backlog that services would take long to make."""
    latest = EventRow.objects.filter(aggregate_type="task", aggregate_id=str(task.pk)).latest("version")
    payload = {
        "task": latest.payload["task"],
        "audience": latest.payload["audience"],
        "changes": {"title": {"from": task.title, "to": task.title}},
    }
    record(
        *(
            Event(
                type="task.updated",
                aggregate_id=str(task.pk),
                version=latest.version + step,
                payload=payload,
                actor=actor.pk,
                occurred_at=timezone.now() + timedelta(microseconds=step),
                correlation_id=latest.correlation_id,
            )
            for step in range(1, count + 1)
        )
    )
