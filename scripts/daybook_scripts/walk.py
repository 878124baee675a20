"""The walk of `scripts/run --smoke`: one task through every room, by HTTP and WebSocket, one line a step.

Started inside the environment of the small install (it needs `websockets`). It knows addresses and the demo
sign-in, nothing else: all it does, any client of the API can do.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import email
import email.policy
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

from daybook_scripts.progress import say, step

DEMO_PASSWORD = "daybook-demo"
ACTOR, ASSIGNEE = "alice@example.com", "bob@example.com"
PATIENCE = 30.0


class Unexpected(Exception):
    """The system answered something else than it should."""


@dataclass
class Client:
    """The API with one person's token."""

    web: str
    token: str = ""
    person: dict[str, Any] = field(default_factory=dict)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, base: str | None = None
    ) -> Any:
        """Answers the JSON body (None where there is none); anything but 2xx is Unexpected."""
        url = path if path.startswith("http") else (base or self.web) + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method)
        request.add_header("Accept", "application/json")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Unexpected(f"{method} {url} answered {error.code}: {error.read()[:600]!r}") from error
        return json.loads(text) if text else None

    def sign_in(self, login: str) -> None:
        tokens = self.call("POST", "/api/auth/login/", {"login": login, "password": DEMO_PASSWORD})
        self.token = tokens["access"]
        self.person = self.call("GET", "/api/users/me/")

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The first page of a list."""
        found: list[dict[str, Any]] = self.call("GET", path)["results"]
        return found


class Listener:
    """A socket in the room `me`, as an open page has it; keeps what it was told."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: list[dict[str, Any]] = []
        self.socket: Any = None
        self.reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        ticket = self.client.call("POST", "/api/auth/ws-ticket/")["ticket"]
        url = self.client.web.replace("http", "ws", 1) + f"/ws/?ticket={ticket}"
        self.socket = await websockets.connect(url, origin=self.client.web)  # type: ignore[arg-type]
        await self.socket.send(json.dumps({"type": "subscribe", "room": "me"}))
        self.reader = asyncio.create_task(self._read())
        await self.hears(
            lambda message: message.get("type") == "subscribed", "the answer to its subscription"
        )

    async def _read(self) -> None:
        async for text in self.socket:
            self.heard.append(json.loads(text))

    async def hears(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not any(wanted(message) for message in self.heard):
            if self.reader is not None and self.reader.done():
                raise Unexpected(f"the socket closed before it told of {what}: {self.reader.exception()}")
            if time.monotonic() > deadline:
                raise Unexpected(f"the socket never told of {what}; it told: {self.heard[-5:]}")
            await asyncio.sleep(0.02)

    async def hears_of(self, event: str, task: int) -> None:
        await self.hears(lambda message: tells(message, event, task), event)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self.reader is not None:
            await self.reader


def tells(message: dict[str, Any], event: str, task: int) -> bool:
    """Whether a live message is this event of this task."""
    told = message.get("event") or {}
    return told.get("type") == event and (message.get("task") or {}).get("id") == task


@dataclass
class Walk:
    analytics: str
    outbox: Path
    alice: Client
    bob: Client
    listener: Listener
    project: int = 0
    task: dict[str, Any] = field(default_factory=dict)
    counted_before: int = 0

    @property
    def path(self) -> str:
        return f"/api/tasks/{self.task['id']}"


async def until(question: Callable[[], Any], what: str) -> Any:
    """Asks again until the answer is true: what follows a command arrives when it arrives."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := await asyncio.to_thread(question)):
        if time.monotonic() > deadline:
            raise Unexpected(f"{what}: not within {PATIENCE:.0f} s")
        await asyncio.sleep(0.05)
    return answer


async def sign_in(walk: Walk) -> None:
    walk.alice.sign_in(ACTOR)
    walk.bob.sign_in(ASSIGNEE)


async def check_keys(walk: Walk) -> None:
    head = walk.alice.token.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    keys = walk.alice.call("GET", "/.well-known/jwks.json")["keys"]
    if header["alg"] != "RS256" or header["kid"] not in [key["kid"] for key in keys]:
        raise Unexpected(f"the token's header {header} names no published key")


async def open_socket(walk: Walk) -> None:
    # The demo tasks come in one batch, which over Kafka takes a few seconds at first.
    walk.counted_before = await until(lambda: counted(walk), "analytics counts the demo tasks")
    await walk.listener.open()


async def create_task(walk: Walk) -> None:
    walk.project = walk.alice.rows("/api/projects/")[0]["id"]
    title = f"Smoke {secrets.token_hex(4)}"
    walk.task = walk.alice.call("POST", "/api/tasks/", {"title": title, "project": walk.project})


async def see_it_live(walk: Walk) -> None:
    await walk.listener.hears_of("task.created", walk.task["id"])


async def assign(walk: Walk) -> None:
    walk.alice.call("POST", f"{walk.path}/assign/", {"user": walk.bob.person["id"]})
    await walk.listener.hears_of("task.assigned", walk.task["id"])


async def change_status(walk: Walk) -> None:
    project = walk.alice.call("GET", f"/api/projects/{walk.project}/")
    started = next(status for status in project["statuses"] if status["category"] == "in_progress")
    walk.alice.call("POST", f"{walk.path}/status/", {"status": started["id"]})
    await walk.listener.hears_of("task.status_changed", walk.task["id"])


async def comment(walk: Walk) -> None:
    made = walk.bob.call("POST", f"{walk.path}/comments/", {"body": "On it."})
    await walk.listener.hears_of("comment.added", walk.task["id"])
    walk.bob.call("PATCH", f"{walk.path}/comments/{made['id']}/", {"body": "On it today."})
    await walk.listener.hears_of("comment.edited", walk.task["id"])
    walk.bob.call("DELETE", f"{walk.path}/comments/{made['id']}/")
    await walk.listener.hears_of("comment.deleted", walk.task["id"])


FACTS = (
    "task.created",
    "task.assigned",
    "task.status_changed",
    "comment.added",
    "comment.edited",
    "comment.deleted",
)


async def read_feed(walk: Walk) -> None:
    def missing() -> set[str]:
        rows = walk.alice.rows("/api/activity/")
        ours = [
            row
            for row in rows
            if str(walk.task["id"]) in (str(row.get("task")), str(row.get("aggregate_id")))
        ]
        return {fact for fact in FACTS if fact not in {row["type"] for row in ours}}

    await until(lambda: not missing(), "the activity feed names each fact")


def counted(walk: Walk) -> int:
    total: int = walk.alice.call("GET", "/api/v1/analytics/dashboard", base=walk.analytics)["totals"]["total"]
    return total


async def count_it(walk: Walk) -> None:
    await until(lambda: counted(walk) == walk.counted_before + 1, "analytics counts the task")


async def find_mail(walk: Walk) -> None:
    await until(lambda: mails(walk), "the worker puts the assignee's mail into the outbox")


def mails(walk: Walk) -> list[str]:
    """Messages to the assignee that name the task."""
    found = []
    for path in walk.outbox.rglob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain",))
        text = f"{message['subject']} {body.get_content() if body else ''}"
        if ASSIGNEE in str(message["to"]) and walk.task["title"] in text:
            found.append(path.name)
    return found


Step = Callable[[Walk], Coroutine[Any, Any, None]]
STEPS: tuple[tuple[str, Step], ...] = (
    ("API sign-in", sign_in),
    ("published keys", check_keys),
    ("socket", open_socket),
    ("create a task", create_task),
    ("the open page sees it", see_it_live),
    ("assign", assign),
    ("change status", change_status),
    ("comment, edit, delete", comment),
    ("the feed names each", read_feed),
    ("analytics counts it", count_it),
    ("the assignee's mail (by the worker)", find_mail),
)


async def follow(walk: Walk) -> None:
    try:
        for name, action in STEPS:
            with step(name):
                await action(walk)
    finally:
        await walk.listener.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="daybook_scripts.walk", description="Walks one task through every room."
    )
    parser.add_argument("--web", required=True)
    parser.add_argument("--analytics", required=True)
    parser.add_argument("--outbox", required=True, type=Path)
    asked = parser.parse_args(arguments)
    alice, bob = Client(asked.web), Client(asked.web)
    walk = Walk(asked.analytics, asked.outbox, alice, bob, Listener(bob))
    try:
        asyncio.run(follow(walk))
    except (Unexpected, OSError, LookupError, websockets.WebSocketException) as error:
        say(f"    {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
