"""One run, from the set-up to the report."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from psycopg import IsolationLevel

from daybook_scripts import layout, programs
from daybook_scripts.chaos.checker import Findings, check
from daybook_scripts.chaos.commands import Command
from daybook_scripts.chaos.doors import Door
from daybook_scripts.chaos.evidence import Evidence, collect
from daybook_scripts.chaos.kafka import check_kafka
from daybook_scripts.chaos.killer import Killer, percentiles
from daybook_scripts.chaos.loader import Loader
from daybook_scripts.chaos.observer import Observer, Sightings
from daybook_scripts.chaos.people import OBSERVERS, PASSWORD, Cast, assemble
from daybook_scripts.chaos.plan import Plan
from daybook_scripts.chaos.settling import settle
from daybook_scripts.chaos.stack import Connection, Stack
from daybook_scripts.chaos.switcher import Switcher
from daybook_scripts.trouble import Trouble

LOOK_EVERY = 0.02
SUBSCRIBE_SECONDS = 30.0
SETTLE_SECONDS = 90.0
# No run hangs: with all clients stuck in their last retry this has long passed.
LOAD_SECONDS = 1800.0


@dataclass(slots=True)
class Ran:
    """What a run left, before it is judged. The stack is still there to be asked."""

    plan: Plan
    stack: Stack
    cast: Cast
    commands: list[Command]
    sightings: list[Sightings]
    set_up_to: int
    kills: dict[str, int]
    recovery: dict[str, float]
    unsettled: list[str]
    switched: list[str]
    deaths: list[str]
    seconds: dict[str, float]
    verify: list[str] = field(default_factory=list)

    def collect(self, connection: Connection) -> Evidence:
        """In the connection's transaction, or in one of its own."""
        emails = {person.id: person.email for person in self.cast.people.values()}
        with connection.transaction(), connection.cursor() as cursor:
            return collect(cursor, self.stack.outbox, self.sightings, emails, self.set_up_to)


def perform(plan: Plan, stack: Stack) -> Ran:
    """Set up, load, kill, settle. The calling thread tends the programs, so it must live as long as they do."""
    clock = _Clock()
    for target in stack.programs:
        stack.start(target)
    stack.wait_for_web()
    cast = assemble(stack.address)
    with ExitStack() as open_things:
        connection = open_things.enter_context(stack.connect())
        set_up_to = int(connection.execute("SELECT coalesce(max(id), 0) FROM event").fetchall()[0][0])
        observers = _open_pages(cast, stack, open_things)
        clock.lap("set-up")
        loader = Loader(plan, cast, stack.address)
        open_things.callback(loader.stop)
        killer = Killer(plan, stack, loader, connection)
        switcher = Switcher(plan, stack, loader)

        def tend() -> None:
            stack.supervisor.tend()
            killer.step()
            switcher.step()

        _load(loader, tend)
        clock.lap("load")
        unsettled = settle(connection, observers, tend, SETTLE_SECONDS)
        killer.step()
        clock.lap("settling")
    for observer in observers:
        if observer.failure is not None:
            raise observer.failure
    return Ran(
        plan=plan,
        stack=stack,
        cast=cast,
        commands=sorted(loader.commands, key=lambda command: command.number),
        sightings=[observer.sightings for observer in observers],
        set_up_to=set_up_to,
        kills=dict(killer.kills),
        recovery=percentiles(killer.recoveries),
        unsettled=unsettled,
        switched=switcher.done,
        deaths=stack.unasked_deaths(killer.kills),
        verify=verify(stack),
        seconds=clock.laps,
    )


def judge(ran: Ran) -> tuple[Findings, dict[str, Any]]:
    """What is wrong, and the report: one line of JSON for people and for checks."""
    with ran.stack.connect() as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        evidence = ran.collect(connection)
    findings = check(ran.commands, evidence)
    if ran.plan.kafka_has_all:
        check_kafka(evidence.events, ran.stack.seqs_in_kafka(), findings)
    commands = ran.commands
    report = {
        "log": ran.plan.log,
        "switched": ran.switched,
        "seed": ran.plan.seed,
        "commands": len(commands),
        "acked": sum(command.is_acknowledged for command in commands),
        "refused": sum(command.is_refused for command in commands),
        "unknown": sum(command.answer is None for command in commands),
        "asked_again": sum(command.attempts > 1 for command in commands),
        "found_done": findings.found_done,
        "events": len(evidence.events),
        "kills": ran.kills,
        "lost": dict(findings.lost),
        "doubled": dict(findings.doubled),
        "reordered": dict(findings.reordered),
        "unexplained": dict(findings.unexplained),
        "unentitled": dict(findings.unentitled),
        "dead_letters": evidence.dead_letters,
        "verify": ran.verify,
        "unsettled": ran.unsettled,
        "unasked_deaths": ran.deaths,
        "observers": [
            {"person": found.person, "visits": found.visits, "events": len(found.seen)}
            for found in ran.sightings
        ],
        "recovery_s": ran.recovery,
        "seconds": ran.seconds,
        "planted": None,
    }
    return findings, report


def holds(report: dict[str, Any]) -> bool:
    """Whether nothing at all is wrong."""
    counted = ("lost", "doubled", "reordered", "unexplained", "unentitled")
    return not any(sum(report[name].values()) for name in counted) and not any(
        report[name] for name in ("unknown", "dead_letters", "verify", "unsettled", "unasked_deaths")
    )


def verify(stack: Stack) -> list[str]:
    """What the system's own `verify all` finds: nothing, as a rule."""
    done = subprocess.run(
        [str(stack.wiring.python), "-m", "consumers", "verify", "all"],
        cwd=layout.KAFKA,
        env=programs.stream_env(stack.wiring),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return [] if done.returncode == 0 else [*done.stdout.splitlines(), *done.stderr.splitlines()[-10:]]


def _open_pages(cast: Cast, stack: Stack, open_things: ExitStack) -> list[Observer]:
    observers = []
    for name in OBSERVERS:
        person = cast.people[name]
        door = Door(stack.address, person.email, PASSWORD)
        observer = Observer(door, person.id, cast.projects_seen_by(person.id))
        observer.start()
        open_things.callback(observer.stop)
        observers.append(observer)
    if not all(observer.wait_until_subscribed(SUBSCRIBE_SECONDS) for observer in observers):
        raise Trouble("no_socket", "An observer could not subscribe.", "see web.log of the run.")
    return observers


def _load(loader: Loader, tend: Callable[[], None]) -> None:
    deadline = time.monotonic() + LOAD_SECONDS
    loader.start()
    while loader.is_running:
        tend()
        if loader.failures:
            raise loader.failures[0]
        if time.monotonic() > deadline:
            raise Trouble("load_stuck", "The commands did not come to an end.", "see the logs of the run.")
        time.sleep(LOOK_EVERY)
    if loader.failures:
        raise loader.failures[0]


class _Clock:
    """Seconds of each part of a run."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._last = now, now()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = self._now()
        self.laps[name], self._last = round(now - self._last, 1), now
