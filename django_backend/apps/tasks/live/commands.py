"""Commands over the socket: the services of the other doors, with the same arguments, checks, keys and answers.

Each entry of COMMANDS names the service, the shape that checks its values (the API's own, so that a wrong value gets
the same answer), and how its result goes out. Arguments carry the service's names; `status_id` is what the API's
body, and so a field error's pointer, calls `status`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from rest_framework import serializers

from apps.common.api.fields import IdField, StrictSerializer
from apps.common.api.problems import problem_response
from apps.common.auth.live import LiveSession, find_live_session
from apps.common.errors import Forbidden, Invalid, NotFound, NotSignedIn
from apps.common.idempotency.commands import Outcome, hash_request, run_command
from apps.tasks import selectors
from apps.tasks.api import serializers as shapes
from apps.tasks.live import frames
from apps.tasks.models import Comment, Task
from apps.tasks.services import comments, tasks
from apps.users.models import User

# The service's name for a value, where the API's body has another.
SERVICE_NAMES = {
    "project": "project_id",
    "status": "status_id",
    "user": "user_id",
    "assignees": "assignee_ids",
}
API_NAMES = {service: api for api, service in SERVICE_NAMES.items()}
PROBLEM = {"type": "urn:daybook:problem:server_error", "title": "Something went wrong here", "status": 500}

log = structlog.get_logger(__name__)
Values = dict[str, Any]


class OnTask(StrictSerializer):
    """The ids and conditions that the API takes from the address and from If-Match."""

    task_id = IdField()
    if_match = serializers.IntegerField(required=False, min_value=1)


class OnTaskAlone(StrictSerializer):
    task_id = IdField()


class OnComment(StrictSerializer):
    task_id = IdField()
    comment_id = IdField()


class EditTask(OnTask):
    changes = serializers.DictField()
    base = serializers.IntegerField(required=False, min_value=1)


@dataclass(frozen=True, slots=True)
class Command:
    """`place` checks what names the object, `shape` the rest, as the API's body."""

    service: Callable[..., Task | Comment]
    status: int
    place: type[serializers.Serializer[Any]] | None = None
    shape: type[serializers.Serializer[Any]] | None = None
    has_answer: bool = True


COMMANDS = {
    "create_task": Command(tasks.create_task, 201, shape=shapes.TaskIn),
    "edit_task": Command(tasks.edit_task, 200, place=EditTask),
    "change_status": Command(tasks.change_status, 200, place=OnTask, shape=shapes.StatusIn),
    "assign_task": Command(tasks.assign_task, 200, place=OnTask, shape=shapes.AssignIn),
    "unassign_task": Command(tasks.unassign_task, 200, place=OnTask, shape=shapes.UnassignIn),
    "add_comment": Command(comments.add_comment, 201, place=OnTaskAlone, shape=shapes.CommentIn),
    "edit_comment": Command(comments.edit_comment, 200, place=OnComment, shape=shapes.CommentIn),
    "delete_comment": Command(comments.delete_comment, 204, place=OnComment, has_answer=False),
}


def answer(sid: UUID, frame: Mapping[str, Any]) -> str:
    """Run the command of a frame and give the frame that answers it. Runs in a thread, with the database.

    The session is read anew: one that ended is refused at once, before its socket is closed.
    """
    ref = frame.get("ref")
    try:
        found = find_live_session(sid)
        if found is None:
            raise NotSignedIn("This session has ended.", code="session_ended")
        actor, session = found
        command, outcome = _run(actor, session, frame)
        body = _answer_body(actor, command, frame, outcome) if command.has_answer else None
    except Exception as problem:  # noqa: BLE001 - the door's last resort: the API answers 500 here, and so does it
        return frames.refusal(ref, _problem(problem))
    return frames.result(ref, outcome.status, body)


def _problem(problem: Exception) -> dict[str, Any]:
    """The body that the API would answer with."""
    response = problem_response(problem, {})
    if response is None:
        log.error("live_command_failed", exc_info=problem)
        return {**PROBLEM, "code": "server_error", "detail": "It was noted. Send the same key again."}
    return dict(response.data)


def _run(actor: User, session: LiveSession, frame: Mapping[str, Any]) -> tuple[Command, Outcome]:
    command = COMMANDS.get(str(frame.get("name")))
    if command is None:
        raise Invalid(f"Use one of: {', '.join(COMMANDS)}.", code="unknown_command")
    if not session.may_write:
        raise Forbidden("This token may not change anything over the socket.", code="scope_too_narrow")
    key, given = frame.get("key"), frame.get("args", {})
    if not isinstance(key, str):
        raise Invalid(
            "A command over the socket takes a key, so that it may be sent again.", code="key_required"
        )
    if not isinstance(given, dict):
        raise Invalid("args is an object.", code="invalid_args")
    values = _checked(command, given)
    outcome = run_command(
        actor_id=actor.pk,
        key=key,
        request_hash=hash_request("socket", str(frame["name"]), json.dumps(given, sort_keys=True)),
        operation=lambda: _call(command, actor, values),
    )
    return command, outcome


def _call(command: Command, actor: User, values: Values) -> Outcome:
    changed = command.service(actor=actor, **values)
    return Outcome(status=command.status, object_id=changed.pk, version=changed.version, result=changed)


def _checked(command: Command, given: Values) -> Values:
    """The service's keyword arguments; raises DRF's ValidationError, as the API's views do."""
    place_names = set(command.place().fields) if command.place else set()
    place = {name: value for name, value in given.items() if name in place_names}
    rest = {API_NAMES.get(name, name): value for name, value in given.items() if name not in place_names}
    values = _valid(command.place, place)
    if command.service is tasks.edit_task:
        _refuse_unknown(rest)
        return {**values, "changes": _valid(shapes.TaskPatch, values["changes"])}
    return {
        **values,
        **{SERVICE_NAMES.get(name, name): value for name, value in _valid(command.shape, rest).items()},
    }


def _valid(shape: type[serializers.Serializer[Any]] | None, given: Values) -> Values:
    if shape is None:
        _refuse_unknown(given)
        return {}
    form = shape(data=given)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _refuse_unknown(given: Values) -> None:
    if given:
        raise Invalid(
            fields={name: ["There is no such field."] for name in sorted(given)}, code="unknown_field"
        )


def _answer_body(reader: User, command: Command, frame: Mapping[str, Any], outcome: Outcome) -> Any:
    """The object as it is now, also for a repeated command: no answer is kept.

    None where the command took it out of its actor's own view, as the API answers without a body.
    """
    try:
        return _object_now(reader, command, frame, outcome)
    except NotFound:
        return None


def _object_now(reader: User, command: Command, frame: Mapping[str, Any], outcome: Outcome) -> Any:
    if command.shape is shapes.CommentIn:
        task = selectors.get_task(reader, frame["args"]["task_id"])
        return shapes.CommentOut(selectors.get_comment(reader, task, outcome.object_id or 0)).data
    return shapes.TaskOut(selectors.get_task(reader, outcome.object_id or 0)).data
