"""The seeded mix of commands: create 25 %, edit 25, status 15, comments 20 (half over the socket), people 15."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from daybook_scripts.chaos.commands import (
    ADDED,
    ASSIGNED,
    CREATED,
    DELETED,
    DUE,
    EDITED,
    STATUS,
    UNASSIGNED,
    UPDATED,
    Command,
    Fact,
)
from daybook_scripts.chaos.people import Cast
from daybook_scripts.chaos.world import Task, World

SHARES = {"create": 25, "edit": 25, "status": 15, "comment": 20, "people": 15}
PERSONAL = 0.06  # of the tasks that are made
FIRST_DAY = date(2031, 1, 1)


@dataclass(slots=True)
class Comment:
    """One of the client's own."""

    id: int
    task: int


class Mix:
    """The commands of one client, who acts as one person."""

    def __init__(self, cast: Cast, world: World, person: int, seed: str) -> None:
        self._cast, self._world, self._person = cast, world, person
        self._rng = random.Random(seed)
        self._seed = seed
        self._comments: list[Comment] = []

    def next(self, number: int) -> Command:
        """The next command; where its kind has nothing to act on yet, a task is made."""
        kind = self._rng.choices(list(SHARES), list(SHARES.values()))[0]
        make = {
            "create": self._create,
            "edit": self._edit,
            "status": self._change_status,
            "comment": self._comment,
            "people": self._change_people,
        }[kind]
        return make(number) or self._create(number)

    # --- tasks

    def _create(self, number: int) -> Command:
        is_personal = self._rng.random() < PERSONAL
        project = None if is_personal else self._rng.choice(self._cast.projects_to_edit(self._person))
        title, description = self._marker(number, "task"), self._marker(number, "text")
        people = self._rng.sample(sorted(project.readers), self._rng.choice((0, 0, 1, 2))) if project else []
        body: dict[str, Any] = {"title": title, "description": description, "assignees": people}
        if project is not None:
            body["project"] = project.id

        def facts(task: int) -> tuple[Fact, ...]:
            created = self._fact(CREATED, task, (title, description))
            return created, *(self._fact(ASSIGNED, task, person) for person in people)

        def remember(command: Command) -> None:
            status = project.statuses[0] if project else None
            self._world.add(Task(command.object_id, project, self._person, status, set(people)))

        command = self._command(number, "create", facts)
        command.method, command.path, command.body = "POST", "/api/tasks/", body
        command.on_yes = remember
        return command

    def _edit(self, number: int) -> Command | None:
        task = self._world.pick(self._rng, lambda task: task.is_editable_by(self._person))
        if task is None:
            return None
        body = {"title": self._marker(number, "title")}
        also = self._rng.choice(("", "description", "due_date"))
        if also == "description":
            body[also] = self._marker(number, "text")
        if also == "due_date":
            body[also] = (FIRST_DAY + timedelta(days=self._world.next_day())).isoformat()

        def facts(task: int) -> tuple[Fact, ...]:
            texts = [
                self._fact(UPDATED, task, (name, value)) for name, value in body.items() if name != "due_date"
            ]
            due = [self._fact(DUE, task, body["due_date"])] if "due_date" in body else []
            return (*texts, *due)

        command = self._command(number, "edit", facts)
        command.method, command.path, command.body = "PATCH", f"/api/tasks/{task.id}/", body
        return command

    def _change_status(self, number: int) -> Command | None:
        task = self._world.pick(self._rng, self._is_editable_in_project, reserve="status")
        if task is None or task.project is None:
            return None
        to = self._rng.choice([status for status in task.project.statuses if status != task.status])

        def remember(command: Command) -> None:
            task.status = to

        command = self._command(number, "status", lambda id: (self._fact(STATUS, id, to),))
        command.method, command.path, command.body = "POST", f"/api/tasks/{task.id}/status/", {"status": to}
        command.on_yes = remember
        command.on_end = lambda: self._world.give_back(task, "status")
        return command

    def _change_people(self, number: int) -> Command | None:
        task = self._world.pick(self._rng, self._is_editable_in_project, reserve="people")
        if task is None or task.project is None:
            return None
        others = sorted(task.project.readers - task.people)
        is_assignment = bool(others) and (not task.people or self._rng.random() < 0.65)
        user = self._rng.choice(others if is_assignment else sorted(task.people))
        kind, type_ = ("assign", ASSIGNED) if is_assignment else ("unassign", UNASSIGNED)

        def remember(command: Command) -> None:
            (task.people.add if is_assignment else task.people.remove)(user)

        command = self._command(number, kind, lambda id: (self._fact(type_, id, user),))
        command.method, command.path, command.body = "POST", f"/api/tasks/{task.id}/{kind}/", {"user": user}
        command.on_yes = remember
        command.on_end = lambda: self._world.give_back(task, "people")
        return command

    # --- comments

    def _comment(self, number: int) -> Command | None:
        choice = self._rng.random()
        if self._comments and choice < 0.2:
            return self._delete_comment(number)
        if self._comments and choice < 0.5:
            return self._edit_comment(number)
        return self._add_comment(number)

    def _add_comment(self, number: int) -> Command | None:
        task = self._world.pick(self._rng, lambda task: task.is_editable_by(self._person))
        if task is None:
            return None
        body = self._marker(number, "comment")
        command = self._command(
            number, "comment", lambda comment: (self._fact(ADDED, task.id, (comment, body)),)
        )
        self._through_a_door(
            command,
            ("POST", f"/api/tasks/{task.id}/comments/", {"body": body}),
            ("add_comment", {"task_id": task.id, "body": body}),
        )
        command.on_yes = lambda done: self._comments.append(Comment(done.object_id, task.id))
        return command

    def _edit_comment(self, number: int) -> Command:
        comment = self._rng.choice(self._comments)
        body = self._marker(number, "comment")
        command = self._command(
            number, "comment edit", lambda id: (self._fact(EDITED, comment.task, (id, body)),)
        )
        self._through_a_door(
            command,
            ("PATCH", f"/api/tasks/{comment.task}/comments/{comment.id}/", {"body": body}),
            ("edit_comment", {"task_id": comment.task, "comment_id": comment.id, "body": body}),
        )
        return command

    def _delete_comment(self, number: int) -> Command:
        comment = self._rng.choice(self._comments)
        command = self._command(number, "comment delete", lambda id: (self._fact(DELETED, comment.task, id),))
        self._through_a_door(
            command,
            ("DELETE", f"/api/tasks/{comment.task}/comments/{comment.id}/", None),
            ("delete_comment", {"task_id": comment.task, "comment_id": comment.id}),
        )
        command.known_id = comment.id
        command.on_yes = lambda done: self._comments.remove(comment)
        return command

    # --- parts

    def _command(self, number: int, kind: str, facts: Any) -> Command:
        key = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return Command(number, kind, self._person, key, facts)

    def _through_a_door(
        self, command: Command, api: tuple[str, str, Any], socket: tuple[str, dict[str, Any]]
    ) -> None:
        if self._rng.random() < 0.5:
            command.method, command.path, command.body = api
        else:
            command.name, command.args = socket

    def _fact(self, type_: str, task: int, detail: Any) -> Fact:
        return Fact(type_, task, self._person, detail)

    def _marker(self, number: int, what: str) -> str:
        return f"{what} of command {number}, seed {self._seed}"

    def _is_editable_in_project(self, task: Task) -> bool:
        return task.project is not None and task.is_editable_by(self._person)
