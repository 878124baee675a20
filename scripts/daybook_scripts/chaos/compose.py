"""Each service of a compose project restarted in turn while commands flow; then the same checks as after kills."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import IsolationLevel

from daybook_scripts.chaos.checker import Findings, check
from daybook_scripts.chaos.commands import Command
from daybook_scripts.chaos.doors import Address, Door
from daybook_scripts.chaos.evidence import collect
from daybook_scripts.chaos.loader import Loader
from daybook_scripts.chaos.observer import Observer
from daybook_scripts.chaos.people import OBSERVERS, PASSWORD, Cast, assemble
from daybook_scripts.chaos.plan import Plan
from daybook_scripts.chaos.settling import settle
from daybook_scripts.compose_project import Project
from daybook_scripts.trouble import Trouble

# Commands before each restart, of which the last are under way when it begins.
STRETCH = 50
PATIENCE = 240.0
LOOK_EVERY = 0.1

COUNTED = ("lost", "doubled", "reordered", "unexplained", "unentitled")


@dataclass(slots=True)
class Restarted:
    """What a run left. `seconds` is how long each service took until it was healthy again."""

    commands: list[Command]
    findings: Findings
    events: int
    unsettled: list[str]
    verify: str
    seconds: dict[str, float] = field(default_factory=dict)
    under_way: dict[str, int] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        return {
            "commands": len(self.commands),
            "acked": sum(command.is_acknowledged for command in self.commands),
            "unknown": sum(command.answer is None for command in self.commands),
            "asked_again": sum(command.attempts > 1 for command in self.commands),
            "events": self.events,
            **{name: dict(getattr(self.findings, name)) for name in COUNTED},
            "verify": self.verify,
            "unsettled": self.unsettled,
            "under_way": self.under_way,
            "healthy_again_s": self.seconds,
        }

    def holds(self) -> bool:
        """Whether nothing at all is wrong, and every restart hit commands."""
        found = self.report()
        return (
            not any(sum(found[name].values()) for name in COUNTED)
            and found["unknown"] == 0
            and not self.unsettled
            and self.verify == "all: verified"
            and all(self.under_way.values())
        )


def restart_each(project: Project, services: Sequence[str], outbox: Path, seed: int = 1) -> Restarted:
    """The project must run, with REGISTRATION=open and nobody in it. `outbox` is an empty folder."""
    plan = Plan(commands=STRETCH * (len(services) + 1), seed=seed)
    parts = urlsplit(project.public_url)
    address = Address(parts.hostname or "", parts.port or 80)
    owner = project.owner_url()
    cast = assemble(address)
    set_up_to = _ask(owner, "SELECT coalesce(max(id), 0) FROM event")
    left = Restarted([], Findings(), 0, [], "")
    with ExitStack() as open_things:
        observers = _open_pages(cast, address, open_things)
        loader = Loader(plan, cast, address)
        open_things.callback(loader.stop)
        loader.allow(STRETCH)
        loader.start()
        for place, service in enumerate(services):
            _wait_for_commands(loader, STRETCH * (place + 1) - plan.clients)
            loader.allow(STRETCH * (place + 2))
            _restart(project, service, loader, left)
        _wait(lambda: not loader.is_running, loader, "the last commands")
        with psycopg.connect(project.owner_url(), autocommit=True) as connection:
            left.unsettled = settle(connection, observers, lambda: None, PATIENCE)
    left.commands = sorted(loader.commands, key=lambda command: command.number)
    _judge(left, project, cast, observers, set_up_to, project.copy_mails(outbox))
    return left


def _open_pages(cast: Cast, address: Address, open_things: ExitStack) -> list[Observer]:
    observers = []
    for name in OBSERVERS:
        person = cast.people[name]
        door = Door(address, person.email, PASSWORD)
        observer = Observer(door, person.id, cast.projects_seen_by(person.id))
        observer.start()
        open_things.callback(observer.stop)
        observers.append(observer)
    if not all(observer.wait_until_subscribed(30) for observer in observers):
        raise Trouble("no_socket", "An observer could not subscribe.", "see docker compose logs ws.")
    return observers


def _restart(project: Project, service: str, loader: Loader, left: Restarted) -> None:
    _wait(lambda: loader.under_way > 0, loader, "a command under way")
    left.under_way[service] = loader.under_way
    began = time.monotonic()
    project.run("restart", service)
    _wait(lambda: _is_healthy(project, service), loader, f"{service} to be healthy")
    left.seconds[service] = round(time.monotonic() - began, 1)


def _is_healthy(project: Project, service: str) -> bool:
    asked = ["docker", "inspect", "-f", "{{.State.Health.Status}}", project.container(service)]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip() == "healthy"


def _wait_for_commands(loader: Loader, count: int) -> None:
    _wait(lambda: loader.answered >= count, loader, "the commands")


def _wait(holds: Callable[[], bool], loader: Loader, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if loader.failures:
            raise loader.failures[0]
        if time.monotonic() > deadline:
            raise Trouble(
                "waited_in_vain", f"Waited {PATIENCE:.0f} s for {what}.", "see docker compose logs."
            )
        time.sleep(LOOK_EVERY)


def _judge(
    left: Restarted, project: Project, cast: Cast, observers: Sequence[Observer], set_up_to: int, outbox: Path
) -> None:
    for observer in observers:
        if observer.failure is not None:
            raise observer.failure
    emails = {person.id: person.email for person in cast.people.values()}
    with psycopg.connect(project.owner_url()) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with connection.transaction(), connection.cursor() as cursor:
            evidence = collect(cursor, outbox, [each.sightings for each in observers], emails, set_up_to)
    left.events = len(evidence.events)
    left.findings = check(left.commands, evidence)
    done = project.execute("consumers", "python", "-m", "consumers", "verify", "all", check=False)
    left.verify = (done.stdout + done.stderr).strip()


def _ask(url: str, question: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    return int(row[0]) if row else 0
