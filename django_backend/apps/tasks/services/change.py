"""`TaskChange`: the facts that one command states about one locked task, written together.

Each fact takes the next version of the task, one history row and one event; all facts of a command share their moment
and their correlation id. `edit_version` moves to the last of them when one of the task's own fields changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.common.events.record import record
from apps.tasks.events import audience, task_state
from apps.tasks.models import Assignment, History, Task
from apps.users.models import User
from tms_events.envelope import Event


@dataclass(frozen=True, slots=True)
class Fact:
    type: str
    old: Any
    new: Any
    data: dict[str, Any]
    is_edit: bool


class TaskChange:
    """Collect facts with `fact`, then call `insert` (a new task) or `save` (a locked one) once."""

    def __init__(self, *, actor: User, task: Task, at: datetime | None = None) -> None:
        self.actor = actor
        self.task = task
        self.at = at or timezone.now()
        self.correlation_id: UUID = uuid7()
        self.facts: list[Fact] = []

    def fact(
        self, event_type: str, data: dict[str, Any], *, old: Any = None, new: Any = None, is_edit: bool = True
    ) -> None:
        """State one fact. `old` and `new` are what history shows; `data` is the event's own part of the payload."""
        self.facts.append(Fact(event_type, old, new, data, is_edit))

    def insert(self, assignments: Sequence[Assignment] = ()) -> None:
        """Insert the task itself with its assignments, then its facts."""
        self.task.version = self.task.edit_version = len(self.facts)
        self.task.save(force_insert=True)
        for assignment in assignments:
            assignment.task = self.task
        Assignment.objects.bulk_create(assignments)
        self._write(1, [assignment.user_id for assignment in assignments])

    def save(self, *fields: str) -> None:
        """Update the named fields of the locked task, its versions and `updated_at`, and write the facts."""
        if not self.facts:
            return
        first = self.task.version + 1
        self.task.version += len(self.facts)
        if any(fact.is_edit for fact in self.facts):
            self.task.edit_version = self.task.version
        self.task.updated_at = self.at
        self.task.save(update_fields=[*fields, "version", "edit_version", "updated_at"])
        self._write(first, list(self.task.assignments.values_list("user_id", flat=True)))

    def _write(self, first_version: int, assignee_ids: list[int]) -> None:
        state = task_state(self.task, assignee_ids)
        concerned = audience(self.task, assignee_ids)
        events = [
            Event(
                type=fact.type,
                aggregate_id=str(self.task.pk),
                version=first_version + step,
                payload={"task": state, "audience": concerned, **fact.data},
                actor=self.actor.pk,
                occurred_at=self.at,
                correlation_id=self.correlation_id,
            )
            for step, fact in enumerate(self.facts)
        ]
        History.objects.bulk_create(
            History(
                event_id=event.event_id,
                task_id=self.task.pk,
                version=event.version,
                type=event.type,
                actor_id=self.actor.pk,
                at=self.at,
                old=fact.old,
                new=fact.new,
                correlation_id=self.correlation_id,
            )
            for event, fact in zip(events, self.facts, strict=True)
        )
        record(*events)
