"""Daybook's doors as a client sees them: HTTP with a token, and a WebSocket opened with a ticket.

An answer is an answer. Everything else (a cut connection, a time-out, a 5xx) is `Unanswered`: the command may have been
done or not, and only the same request with the same key finds out.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

ANSWER_SECONDS = 20.0
TICKET = "/api/auth/ws-ticket/"


class Unanswered(Exception):
    """Nobody knows whether it was done."""


class Refused(Exception):
    """A request of the set-up that must succeed did not."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is the decoded JSON, None where there is none."""

    status: int
    body: Any

    @property
    def is_yes(self) -> bool:
        return 200 <= self.status < 300


class Door:
    """One person's connection, kept alive. For one thread; signs in by itself, and again when the token has ended."""

    def __init__(self, address: Address, login: str = "", password: str = "") -> None:
        self.address = address
        self._login, self._password = login, password
        self._token = ""
        self._connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Raises Unanswered."""
        if self._login and not self._token:
            self._sign_in()
        answer = self._exchange(method, path, body, key)
        if answer.status == 401 and self._login:
            self._sign_in()
            answer = self._exchange(method, path, body, key)
        if answer.status >= 500 or answer.status == 429:
            raise Unanswered(f"{method} {path} answered {answer.status}: {answer.body}")
        return answer

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """The body of a request that has to succeed."""
        answer = self.call(method, path, body)
        if not answer.is_yes:
            raise Refused(f"{method} {path} answered {answer.status}: {answer.body}")
        return answer.body

    def open_socket(self) -> ClientConnection:
        """A signed-in socket; raises Unanswered."""
        answer = self.call("POST", TICKET)
        if not answer.is_yes:
            raise Unanswered(f"no ticket: {answer}")
        url = f"ws://{self.address.host}:{self.address.port}/ws/?ticket={answer.body['ticket']}"
        try:
            # legacy: the connection itself, which is what its holder keeps across calls.
            return connect(
                url,
                proxy=None,
                compression=None,
                open_timeout=ANSWER_SECONDS,
                close_timeout=1,
                max_size=None,
                legacy=True,
            )
        except (OSError, WebSocketException) as problem:
            raise Unanswered(f"the socket did not open: {problem}") from problem

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _sign_in(self) -> None:
        credentials = {"login": self._login, "password": self._password}
        self._token = ""
        answer = self._exchange("POST", "/api/auth/login/", credentials, None)
        if not answer.is_yes:
            raise Unanswered(f"sign-in answered {answer.status}: {answer.body}")
        self._token = answer.body["access"]

    def _exchange(self, method: str, path: str, body: Any, key: str | None) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self.address.host, self.address.port, timeout=ANSWER_SECONDS
            )
        try:
            self._connection.request(method, path, self._encoded(body), self._headers(body, key))
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise Unanswered(f"{method} {path}: {type(problem).__name__} {problem}") from problem
        try:
            return Answer(response.status, json.loads(text) if text else None)
        except ValueError:  # a server error's page is not JSON
            return Answer(response.status, text.decode(errors="replace")[:300])

    @staticmethod
    def _encoded(body: Any) -> bytes | None:
        return None if body is None else json.dumps(body).encode()

    def _headers(self, body: Any, key: str | None) -> dict[str, str]:
        return {
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if body is not None else {}),
            **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
            **({"Idempotency-Key": key} if key else {}),
        }


class SocketDoor:
    """Commands over one person's socket, one after the other. For one thread."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._socket: ClientConnection | None = None

    def call(self, name: str, args: dict[str, Any], key: str) -> Answer:
        """Raises Unanswered."""
        if self._socket is None:
            self._socket = self._door.open_socket()
        try:
            return self._exchange(self._socket, name, args, key)
        except (OSError, WebSocketException) as problem:
            self.close()
            raise Unanswered(f"socket command {name}: {type(problem).__name__} {problem}") from problem
        except Unanswered:
            self.close()
            raise

    def _exchange(self, socket: ClientConnection, name: str, args: dict[str, Any], key: str) -> Answer:
        socket.send(json.dumps({"type": "command", "ref": key, "key": key, "name": name, "args": args}))
        while True:
            frame = json.loads(socket.recv(timeout=ANSWER_SECONDS))
            if frame["type"] == "error":
                raise Unanswered(f"socket command {name}: {frame}")
            if frame["type"] == "result" and frame["ref"] == key:
                break
        if frame["status"] >= 500 or frame["status"] == 401:
            raise Unanswered(f"socket command {name} answered {frame}")
        return Answer(frame["status"], frame.get("body") or frame.get("problem"))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
