"""The frames of the socket protocol, both ways (docs/ASYNC.md describes them for clients)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from uuid import UUID

from rest_framework.utils.encoders import JSONEncoder

from apps.common.api.parsers import UnusableJson, parse_json
from apps.tasks.live.rooms import Room


class CloseCode(IntEnum):
    """Why the server closes. Of the standard's own codes a server behind autobahn may send none but 1000.

    (daphne refuses an oversize message by itself, and that with 1009.)
    """

    NOT_SIGNED_IN = 4401
    WRONG_ORIGIN = 4403
    TOO_SLOW = 4408
    TOO_MANY_SOCKETS = 4409
    TOO_BIG = 4413
    TOO_FAST = 4429
    BROKEN = 4500
    TRY_LATER = 4503


class BadFrame(ValueError):
    """A frame that can't be understood; it is answered by an error frame and the socket stays open."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a client left off: the last `seq` it has, in which era, and by which rights it was shown things."""

    seq: int
    era: UUID
    epoch: int


def decode(text: str | None) -> dict[str, Any]:
    """The frame's object; raises BadFrame for anything else, with the reason."""
    if text is None:
        raise BadFrame("not_text", "Send text frames that hold JSON.")
    try:
        frame = parse_json(text)
    except UnusableJson as problem:
        raise BadFrame("bad_json", "This frame is not JSON.") from problem
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadFrame("bad_frame", 'Send an object with a "type".')
    return frame


def room_of(frame: dict[str, Any]) -> Room:
    """The room a frame names; raises BadFrame where it is none."""
    room = Room.parse(frame.get("room"))
    if room is None:
        raise BadFrame("bad_room", 'Name a room: "me", "task:7" or "project:2".')
    return room


def resume_of(frame: dict[str, Any]) -> Resume | None:
    """Where to resume, None for live from now; raises BadFrame where it makes no sense."""
    given = frame.get("resume")
    if given is None:
        return None
    try:
        seq, epoch, era = given["seq"], given["epoch"], UUID(given["era"])
    except (TypeError, KeyError, ValueError, AttributeError) as problem:
        raise BadFrame(
            "bad_resume", "Resume takes seq, era and epoch, as the page or hello gave them."
        ) from problem
    if not (_is_count(seq) and _is_count(epoch)):
        raise BadFrame("bad_resume", "Resume's seq and epoch are whole numbers from 0 up.")
    return Resume(seq=seq, era=era, epoch=epoch)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def encode(message: Any) -> str:
    """JSON as the API writes it: the same encoder for times, decimals and ids."""
    return json.dumps(message, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))


def hello(user_id: int, era: UUID, epoch: int, seq: int) -> str:
    return encode({"type": "hello", "user": user_id, "era": era, "epoch": epoch, "seq": seq})


def subscribed(room: Room, seq: int, epoch: int, era: UUID) -> str:
    return encode({"type": "subscribed", "room": str(room), "seq": seq, "epoch": epoch, "era": era})


def unsubscribed(room: Room) -> str:
    return encode({"type": "unsubscribed", "room": str(room)})


def event(room: Room, body: str) -> str:
    """`body` is the rest of the object, encoded once for all rooms: `"seq":…,"event":{…}…}`."""
    return f'{{"type":"event","room":"{room}",{body}'


def reset(room: Room, reason: str, epoch: int, era: UUID) -> str:
    return encode({"type": "reset", "room": str(room), "reason": reason, "epoch": epoch, "era": era})


def gone(room: Room, task_id: int | None) -> str:
    message = {"type": "gone", "room": str(room)}
    return encode(message if task_id is None else {**message, "task": task_id})


def watermark(seq: int) -> str:
    return encode({"type": "watermark", "seq": seq})


def result(ref: Any, status: int, body: Any) -> str:
    return encode({"type": "result", "ref": ref, "status": status, "body": body})


def refusal(ref: Any, problem: dict[str, Any]) -> str:
    return encode({"type": "result", "ref": ref, "status": problem["status"], "problem": problem})


def here(room: Room, people: dict[int, str]) -> str:
    named = [{"id": person, "name": name} for person, name in sorted(people.items())]
    return encode({"type": "here", "room": str(room), "people": named})


def typing(room: Room, person: int, name: str) -> str:
    return encode({"type": "typing", "room": str(room), "user": {"id": person, "name": name}})


def pong() -> str:
    return encode({"type": "pong"})


def error(code: str, detail: str, room: Room | None = None) -> str:
    message = {"type": "error", "code": code, "detail": detail}
    return encode(message if room is None else {**message, "room": str(room)})
