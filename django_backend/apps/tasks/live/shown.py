"""What an event shows: the task and the comment as they are now, loaded once for everybody who may see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from apps.tasks.api.serializers import CommentOut, TaskOut
from apps.tasks.live import frames
from apps.tasks.live.facts import Fact
from apps.tasks.live.rooms import Room, Subscription
from apps.tasks.models import Comment, Task
from apps.tasks.selectors import people_by_id
from apps.users.models import User

# The rest of a payload is either shown by `task` and `comment`, as they are now, or is text that was taken away since.
SHOWN_OF_PAYLOAD = ("from", "to", "user", "role", "changes")


@dataclass(frozen=True, slots=True)
class Shown:
    """An event ready to be handed out: `body` is encoded once, `people` alone see a task without a project."""

    seq: int
    task_id: int
    project_id: int | None
    former_project_id: int | None  # where the task was when this happened, if elsewhere
    people: frozenset[int]
    taken_off: int | None  # who was unassigned by this event
    body: str

    def frame_for(self, subscription: Subscription) -> str | None:
        """What this subscription gets of the event: itself, a `gone`, or nothing."""
        room, reader = subscription.room, subscription.reader
        if self._is_in(room) and reader.sees_task(self.project_id, self.people):
            return frames.event(room, self.body)
        return frames.gone(room, self.task_id) if self._leaves(room, reader.user_id) else None

    def _is_in(self, room: Room) -> bool:
        return room.kind != "project" or room.object_id == self.project_id

    def _leaves(self, room: Room, user_id: int) -> bool:
        """Whether the task was in the room's view until now. Nobody else may learn of it, not even its id."""
        if room.kind == "project":
            return room.object_id == self.former_project_id
        return room.kind == "task" or (self.project_id is None and self.taken_off == user_id)


def load_shown(facts: Iterable[Fact]) -> dict[int, Shown]:
    """`seq` to what it shows, in four queries for all; events whose task is no more are absent."""
    facts = list(facts)
    ids = {fact.task_id for fact in facts}
    tasks = {task.pk: task for task in Task.objects.filter(pk__in=ids).for_display()}
    comments = Comment.objects.select_related("author").in_bulk({*_comment_ids(facts)})
    people = people_by_id(fact.actor for fact in facts)
    return {
        fact.seq: _show(fact, tasks[fact.task_id], comments.get(comment_id(fact)), people)
        for fact in facts
        if fact.task_id in tasks
    }


def comment_id(fact: Fact) -> int:
    """The comment an event is about, 0 for none."""
    return int(fact.payload.get("comment", {}).get("id", 0))


def _comment_ids(facts: Iterable[Fact]) -> Iterator[int]:
    return (found for found in map(comment_id, facts) if found)


def _show(fact: Fact, task: Task, comment: Comment | None, people: dict[int, User]) -> Shown:
    was_in = fact.payload["task"]["project"]
    return Shown(
        seq=fact.seq,
        task_id=task.pk,
        project_id=task.project_id,
        former_project_id=was_in if was_in != task.project_id else None,
        people=frozenset({task.creator_id, *(held.user_id for held in task.assignments.all())}),
        taken_off=fact.payload["user"] if fact.type == "task.unassigned" else None,
        body=_body(fact, task, comment, people),
    )


def _body(fact: Fact, task: Task, comment: Comment | None, people: dict[int, User]) -> str:
    """The frame's object from `"seq"` on."""
    actor = people.get(fact.actor) if fact.actor is not None else None
    message: dict[str, Any] = {
        "seq": fact.seq,
        "event": {
            "id": fact.event_id,
            "type": fact.type,
            "at": fact.occurred_at,
            "actor": {"id": actor.pk, "name": actor.display_name} if actor else None,
            "aggregate": f"{fact.aggregate_type}:{fact.aggregate_id}",
            "version": fact.version,
        },
        "task": TaskOut(task).data,
        "data": {name: fact.payload[name] for name in SHOWN_OF_PAYLOAD if name in fact.payload},
    }
    if comment is not None:
        message["comment"] = CommentOut(comment).data
    return frames.encode(message).removeprefix("{")
