"""An open page, as far as its socket is concerned: what it says, and what it hears."""

from __future__ import annotations

import json
import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from apps.common.auth.live import SID
from apps.users.models import Session
from apps.users.tests.factories import make_session

Frame = dict[str, Any]
SOON = 15.0


def cookie_of(person: Any) -> str:
    """The Cookie header of a browser in which this person (or a session of theirs) is signed in."""
    session = person if isinstance(person, Session) else make_session(person, kind=Session.Kind.WEB)
    store = SessionStore()
    store[SID] = str(session.sid)
    store.save()
    return f"{settings.SESSION_COOKIE_NAME}={store.session_key}"


class Page:
    """Every frame heard is kept in `heard`, in order."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[Frame] = []
        self.hello: Frame = {}

    def say(self, **frame: Any) -> None:
        self.connection.send(json.dumps(frame))

    def hear(self, timeout: float = SOON) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout=timeout))
        self.heard.append(frame)
        return frame

    def until(self, kind: str, timeout: float = SOON, **fields: Any) -> Frame:
        """The next frame of this type with these fields; what comes before it is kept in `heard`."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind} {fields} within {timeout} s, but {self.heard}"
            try:
                frame = self.hear(left)
            except TimeoutError:
                continue
            if frame["type"] == kind and fields.items() <= frame.items():
                return frame

    def subscribe(self, room: str, resume: Frame | None = None) -> Frame:
        self.say(type="subscribe", room=room, resume=resume)
        return self.until("subscribed", room=room)

    def resume_from(self, seq: int) -> Frame:
        """A resume as a page would send it, from what hello said."""
        return {"seq": seq, "era": self.hello["era"], "epoch": self.hello["epoch"]}

    def command(self, name: str, key: str, **args: Any) -> Frame:
        self.say(type="command", ref=key, key=key, name=name, args=args)
        return self.until("result", ref=key)

    def events(self, room: str | None = None) -> list[Frame]:
        return [frame for frame in self.heard if frame["type"] == "event" and room in (None, frame["room"])]

    def titles(self, room: str | None = None) -> list[str]:
        return [frame["task"]["title"] for frame in self.events(room)]

    def of_type(self, kind: str) -> list[Frame]:
        return [frame for frame in self.heard if frame["type"] == kind]

    def close_code(self, timeout: float = SOON) -> int:
        """Hear until the server closes, and its code."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                self.hear(deadline - time.monotonic())
            except ConnectionClosed as closed:
                assert closed.rcvd is not None, "the connection was cut without a close frame"
                return closed.rcvd.code
            except TimeoutError:
                break
        raise AssertionError(f"still open after {timeout} s: {self.heard[-5:]}")
