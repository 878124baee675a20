"""The checker: every acknowledged command is in every sink, once and in order, and nothing is that no command explains.

It compares what the clients wrote down with the evidence, both plain values, and trusts neither the system's own
`verify` nor its idea of who may see what.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
from daybook_scripts.chaos.evidence import Event, Evidence, TaskRow
from daybook_scripts.chaos.observer import Sightings

SINKS = (
    "key",
    "row",
    "history",
    "event",
    "feed",
    "analytics",
    "notification",
    "delivery",
    "mail",
    "socket",
)
# What the feed does not tell: sign-ins, and the system's own facts.
NOT_IN_FEED = ("user.", "system.")
# Clients that come back sign in again where they must; that is no command of theirs.
BY_THE_WAY = ("user.signed_in",)
WORDS_KEPT = 200


@dataclass(slots=True)
class Findings:
    """How often what is wrong in which sink. `unentitled` is what somebody got to see who may not.

    `found_done` is nothing wrong: commands whose answer was lost, and that were found done when they were sent again.
    """

    lost: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SINKS, 0)))
    doubled: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SINKS, 0)))
    reordered: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SINKS, 0)))
    unexplained: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SINKS, 0)))
    unentitled: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SINKS, 0)))
    found_done: int = 0
    words: list[str] = field(default_factory=list)

    def note(self, how: str, sink: str, what: object) -> None:
        getattr(self, how)[sink] += 1
        if len(self.words) < WORDS_KEPT:
            self.words.append(f"{how} in {sink}: {what}")

    @property
    def total(self) -> int:
        return sum(
            counter.total()
            for counter in (self.lost, self.doubled, self.reordered, self.unexplained, self.unentitled)
        )

    def compare(self, sink: str, owed: Iterable[Hashable], found: Iterable[Hashable]) -> None:
        """What is owed is there once, and nothing else is."""
        due, there = Counter(iter(owed)), Counter(iter(found))
        for what in due.keys() | there.keys():
            for _ in range(due[what] - there[what]):
                self.note("lost", sink, what)
            for _ in range(there[what] - due[what]):
                self.note("doubled" if what in due else "unexplained", sink, what)


def check(commands: Sequence[Command], evidence: Evidence) -> Findings:
    """Everything that is wrong. `commands` are all that were sent; only acknowledged ones are owed anything."""
    findings = Findings()
    acknowledged = [command for command in commands if command.is_acknowledged]
    check_keys(acknowledged, evidence, findings)
    check_log(evidence, findings)
    told = check_events(acknowledged, evidence, findings)
    findings.found_done = sum(
        event.at < command.last_sent_by_clock
        for command in acknowledged
        for event in told[command.number][:1]
    )
    check_order_of_commands(acknowledged, told, findings)
    check_rows(acknowledged, told, evidence, findings)
    check_history(evidence, findings)
    check_feed(evidence, findings)
    check_analytics(evidence, findings)
    check_notifications(evidence, findings)
    check_deliveries(evidence, findings)
    for sightings in evidence.sightings:
        check_observer(sightings, evidence, findings)
    return findings


# --- commands and their events

Told = dict[int, list[Event]]  # a command's number: its events, in the order of its facts


def check_keys(acknowledged: Sequence[Command], evidence: Evidence, findings: Findings) -> None:
    """Each command is remembered under its key with the object it led to. (Refused ones leave nothing.)"""
    findings.compare(
        "key",
        [(command.actor, command.key, command.object_id) for command in acknowledged],
        [
            (row.actor, row.key, row.object_id)
            for row in evidence.keys
            # the set-up sends no keys, so there are no others
        ],
    )


def check_log(evidence: Evidence, findings: Findings) -> None:
    """The log's own rules: versions contiguous, `seq` gapless, `prev_seq` right, an aggregate's events in order."""
    ordered = sorted((event for event in evidence.events if event.seq is not None), key=_seq)
    for event in evidence.events:
        if event.seq is None:
            findings.note("lost", "event", f"{event} has no seq")
    last = 0
    for event in ordered:
        if _seq(event) != last + 1:
            findings.note("lost", "event", f"{event} follows seq {last}")
        last = _seq(event)
    _check_chains(ordered, findings)
    _check_versions(evidence.events, findings)


def _check_chains(ordered: Sequence[Event], findings: Findings) -> None:
    last: dict[tuple[str, int], int] = defaultdict(int)
    reached: dict[tuple[str, str], int] = defaultdict(int)
    for event in ordered:
        place, aggregate = (event.topic, event.partition), (event.aggregate_type, event.aggregate_id)
        if event.prev_seq != last[place]:
            findings.note("reordered", "event", f"{event} names {event.prev_seq}, before it is {last[place]}")
        if event.version < reached[aggregate]:
            findings.note("reordered", "event", f"{event} comes after version {reached[aggregate]}")
        last[place] = _seq(event)
        reached[aggregate] = max(reached[aggregate], event.version)


def _check_versions(events: Sequence[Event], findings: Findings) -> None:
    versions: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        versions[event.aggregate_type, event.aggregate_id].append(event.version)
    for (kind, key), found in versions.items():
        expected = range(1, max(found) + 1)
        for version in sorted({*expected} - {*found}):
            findings.note("lost", "event", f"version {version} of {kind}:{key}")
        for _ in range(len(found) - len({*found})):
            findings.note("doubled", "event", f"a version of {kind}:{key}")


def check_events(acknowledged: Sequence[Command], evidence: Evidence, findings: Findings) -> Told:
    """Each fact of each command is one event; every event after the set-up is a command's."""
    found: dict[Fact | None, list[Event]] = defaultdict(list)
    for event in sorted(evidence.events, key=lambda event: event.version):
        if event.is_of_a_task:
            found[fact_of(event)].append(event)
        elif event.id > evidence.set_up_to and event.type not in BY_THE_WAY:
            findings.note("unexplained", "event", event)
    told: Told = {}
    for command in sorted(acknowledged, key=lambda command: command.sent_at):
        told[command.number] = []
        for fact in command.facts:
            if found[fact]:
                told[command.number].append(found[fact].pop(0))
            else:
                findings.note("lost", "event", f"{fact} of {command}")
    _judge_the_rest(acknowledged, found, findings)
    return told


def _judge_the_rest(
    acknowledged: Sequence[Command], found: dict[Fact | None, list[Event]], findings: Findings
) -> None:
    """Events that no command is left to explain: a command's once more, or nobody's."""
    stated = {_mark(fact) for command in acknowledged for fact in command.facts}
    rest = [(fact, event) for fact, events in found.items() for event in events]
    twins = {event.task for fact, event in rest if fact and fact.type == CREATED and _mark(fact) in stated}
    for fact, event in rest:
        is_again = event.task in twins or (fact is not None and _mark(fact) in stated)
        findings.note("doubled" if is_again else "unexplained", "event", event)


def _mark(fact: Fact) -> Hashable:
    """What stays the same when a command is done twice: all but the id of what it makes."""
    if fact.type == CREATED:
        return fact.type, fact.detail
    if fact.type == ADDED and isinstance(fact.detail, tuple):
        return fact.type, fact.task, fact.detail[1]
    return fact


def fact_of(event: Event) -> Fact | None:
    """The fact as a client would put it; None for what no client of a run does."""
    payload = event.payload
    detail: Hashable
    if event.type == CREATED:
        detail = (payload["task"]["title"], payload["description"])
    elif event.type == UPDATED:
        ((name, change),) = payload["changes"].items()
        detail = (name, change["to"])
    elif event.type == DUE:
        detail = payload["to"]["date"]
    elif event.type == STATUS:
        detail = payload["to"]["id"]
    elif event.type in (ASSIGNED, UNASSIGNED):
        detail = payload["user"]
    elif event.type in (ADDED, EDITED):
        detail = (payload["comment"]["id"], payload["comment"]["body"])
    elif event.type == DELETED:
        detail = payload["comment"]["id"]
    else:
        return None
    return Fact(event.type, event.task, event.actor or 0, detail)


def check_order_of_commands(acknowledged: Sequence[Command], told: Told, findings: Findings) -> None:
    """A command's facts stand together, and before those of a command that was sent after it was answered."""
    of_task: dict[int, list[Command]] = defaultdict(list)
    for command in acknowledged:
        events = told[command.number]
        if events:
            of_task[events[0].task].append(command)
        if any(
            b.version != a.version + 1 or b.correlation_id != a.correlation_id for a, b in pairwise(events)
        ):
            findings.note("reordered", "event", f"the facts of {command} do not stand together")
    for commands in of_task.values():
        for earlier in commands:
            for later in commands:
                if (
                    earlier.answered_at < later.sent_at
                    and told[earlier.number][-1].version > told[later.number][0].version
                ):
                    findings.note("reordered", "event", f"{later} stands before {earlier}")


# --- rows and history


@dataclass(slots=True)
class TaskState:
    """A task as its acknowledged commands leave it."""

    creator: int
    title: str = ""
    description: str = ""
    status: int | None = None
    due_date: str | None = None
    people: set[int] = field(default_factory=set)
    version: int = 0


def check_rows(acknowledged: Sequence[Command], told: Told, evidence: Evidence, findings: Findings) -> None:
    """Tasks, their people and comments are as the commands, in the order of the log, leave them."""
    facts = [
        (event.version, fact)
        for command in acknowledged
        for fact, event in zip(command.facts, told[command.number], strict=False)
    ]
    states, comments = _fold(sorted(facts, key=lambda fact: (fact[1].task, fact[0])))
    made, said = _made(acknowledged)
    findings.compare(
        "row",
        made.values(),
        [row.id if row.id in states else made.get(row.title, row.id) for row in evidence.tasks],
    )
    findings.compare(
        "row",
        said.values(),
        [row.id if row.id in comments else said.get(row.body, row.id) for row in evidence.comments],
    )
    for row in evidence.tasks:
        if row.id in states:
            _check_task(row, states[row.id], findings)
    for comment in evidence.comments:
        body = comments.get(comment.id)
        if body is not None and (comment.body, comment.is_deleted) != (body, body == ""):
            findings.note("lost", "row", f"comment {comment.id} is {comment.body!r} instead of {body!r}")


def _made(acknowledged: Sequence[Command]) -> tuple[dict[str, int], dict[str, int]]:
    """Tasks by their first title, comments by their first text: by these a second one shows whose twin it is."""
    made: dict[str, int] = {}
    said: dict[str, int] = {}
    for command in acknowledged:
        for fact in command.facts:
            detail: Any = fact.detail
            if fact.type == CREATED:
                made[detail[0]] = fact.task
            elif fact.type == ADDED:
                said[detail[1]] = detail[0]
    return made, said


def _fold(facts: Sequence[tuple[int, Fact]]) -> tuple[dict[int, TaskState], dict[int, str]]:
    """Tasks and comments (a deleted one is "") after these facts, which are in order."""
    states: dict[int, TaskState] = {}
    comments: dict[int, str] = {}
    for version, fact in facts:
        state = states.setdefault(fact.task, TaskState(fact.actor))
        state.version = version
        _apply(fact, fact.detail, state, comments)
    return states, comments


def _apply(fact: Fact, detail: Any, state: TaskState, comments: dict[int, str]) -> None:
    if fact.type == CREATED:
        state.title, state.description = detail
    elif fact.type == UPDATED:
        setattr(state, detail[0], detail[1])
    elif fact.type == DUE:
        state.due_date = detail
    elif fact.type == STATUS:
        state.status = detail
    elif fact.type == ASSIGNED:
        state.people.add(detail)
    elif fact.type == UNASSIGNED:
        state.people.discard(detail)
    elif fact.type in (ADDED, EDITED):
        comments[detail[0]] = detail[1]
    elif fact.type == DELETED:
        comments[detail] = ""


def _check_task(row: TaskRow, state: TaskState, findings: Findings) -> None:
    found = TaskState(
        row.creator, row.title, row.description, row.status, row.due_date, {*row.people}, row.version
    )
    if state.status is None:
        state.status = row.status  # it was never moved, and where it began is the project's own matter
    if found != state:
        findings.note("lost", "row", f"task {row.id} is {found} instead of {state}")


def check_history(evidence: Evidence, findings: Findings) -> None:
    """One row per task event, saying the same, and written in the order of versions."""
    findings.compare(
        "history",
        [
            (event.event_id, event.task, event.version, event.type, event.actor)
            for event in evidence.events
            if event.is_of_a_task
        ],
        [(row.event_id, row.task, row.version, row.type, row.actor) for row in evidence.history],
    )
    reached: dict[int, int] = defaultdict(int)
    for row in sorted(evidence.history, key=lambda row: row.id):
        if row.version < reached[row.task]:
            findings.note("reordered", "history", f"version {row.version} of task {row.task}")
        reached[row.task] = max(reached[row.task], row.version)


# --- what the consumers make


def check_feed(evidence: Evidence, findings: Findings) -> None:
    """Everything people follow, once, at its own place in the order."""
    told = [event for event in evidence.events if not event.type.startswith(NOT_IN_FEED)]
    _check_derived("feed", told, evidence.feed, findings)


def check_analytics(evidence: Evidence, findings: Findings) -> None:
    """A fact per task event; each task as it is now, with its people."""
    of_tasks = [event for event in evidence.events if event.is_of_a_task]
    _check_derived("analytics", of_tasks, evidence.analytics_events, findings)
    rows = {row.id: row for row in evidence.tasks}
    findings.compare("analytics", rows, evidence.analytics_tasks)
    for task, short in evidence.analytics_tasks.items():
        if task in rows and short != rows[task].short:
            findings.note("lost", "analytics", f"task {task} is {short} instead of {rows[task].short}")
    findings.compare(
        "analytics",
        [(row.id, person) for row in evidence.tasks for person in row.people],
        evidence.analytics_people,
    )


def _check_derived(sink: str, told: Sequence[Event], rows: Sequence[Any], findings: Findings) -> None:
    findings.compare(sink, [event.event_id for event in told], [row.event_id for row in rows])
    by_id = {event.event_id: event for event in told}
    for row in rows:
        event = by_id.get(row.event_id)
        if event is not None and row.seq != event.seq:
            findings.note("reordered", sink, f"{event} stands at {row.seq}")
        if event is not None and row.type != event.type:
            findings.note("lost", sink, f"{event} is told as {row.type}")


def check_notifications(evidence: Evidence, findings: Findings) -> None:
    """One for whoever is put on a task by somebody else, none for anyone else; written in the order of their seq."""
    findings.compare(
        "notification",
        [
            (event.event_id, event.payload["user"])
            for event in evidence.events
            if event.type == ASSIGNED and event.payload["user"] != event.actor
        ],
        [(row.event_id, row.recipient) for row in evidence.notifications],
    )
    reached: dict[tuple[str, int], int] = defaultdict(int)
    for row in sorted(evidence.notifications, key=lambda row: row.id):
        place = row.topic, row.partition
        if row.seq < reached[place]:
            findings.note("reordered", "notification", f"seq {row.seq} after {reached[place]}")
        reached[place] = max(reached[place], row.seq)


def check_deliveries(evidence: Evidence, findings: Findings) -> None:
    """One per notification, sent (nobody in a run loses the right to be told), and one mail to the right address."""
    findings.compare(
        "delivery",
        [(row.event_id, row.recipient, "mail") for row in evidence.notifications],
        [(row.event_id, row.recipient, row.channel) for row in evidence.deliveries],
    )
    for row in evidence.deliveries:
        if row.state != "sent":
            findings.note("lost", "delivery", f"{row.event_id} to {row.recipient} is {row.state}")
    sent = [row for row in evidence.deliveries if row.state == "sent"]
    findings.compare(
        "mail",
        [(row.message_id, evidence.emails.get(row.recipient, "")) for row in sent]
        + [(mail.message_id, mail.to) for mail in evidence.account_mails],
        [(mail.message_id, mail.to) for mail in evidence.mails],
    )


# --- open pages


def check_observer(sightings: Sightings, evidence: Evidence, findings: Findings) -> None:
    """Each event it may see, since it came, once and in the order of seq; of all others nothing."""
    since = sightings.since if sightings.since is not None else 0
    projects = {row.id: row.project for row in evidence.tasks}
    creators = {row.id: row.creator for row in evidence.tasks}
    log = {event.event_id: event for event in evidence.events}

    def may_see(event: Event) -> bool:
        project = projects.get(event.task)
        if project is None:
            return creators.get(event.task) == sightings.person
        return project in sightings.projects

    owed = {
        event.event_id
        for event in evidence.events
        if event.is_of_a_task and event.seq is not None and event.seq > since and may_see(event)
    }
    counts = Counter(seen.event_id for seen in sightings.seen)
    who = f"observer {sightings.person}"
    for event_id in owed - counts.keys():
        findings.note("lost", "socket", f"{log[event_id]} at {who}")
    for event_id, count in counts.items():
        for _ in range(count - 1):
            findings.note("doubled", "socket", f"{log.get(event_id, event_id)} at {who}")
        if event_id in owed:
            continue
        event = log.get(event_id)
        known = event is not None and event.is_of_a_task
        how = "unentitled" if known and event is not None and not may_see(event) else "unexplained"
        findings.note(how, "socket", f"{event or event_id} at {who}")
    _check_order_seen(sightings, log, who, findings)


def _check_order_seen(sightings: Sightings, log: dict[str, Event], who: str, findings: Findings) -> None:
    last, met = 0, set()
    for seen in sightings.seen:
        event = log.get(seen.event_id)
        if event is not None and (seen.seq, seen.type, seen.version) != (
            event.seq,
            event.type,
            event.version,
        ):
            findings.note("lost", "socket", f"{event} came as {seen} at {who}")
        if seen.shown_project is not None and seen.shown_project not in sightings.projects:
            findings.note("unentitled", "socket", f"project {seen.shown_project} with {seen} at {who}")
        if seen.event_id not in met and seen.seq < last:
            findings.note("reordered", "socket", f"{seen.seq} after {last} at {who}")
        met.add(seen.event_id)
        last = max(last, seen.seq)
    for frame in sightings.odd:
        findings.note("unexplained", "socket", f"{frame} at {who}")


def _seq(event: Event) -> int:
    assert event.seq is not None
    return event.seq
