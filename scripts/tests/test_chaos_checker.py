"""The checker of the chaos run, shown to fail: a story in which all is well, and one fault planted in it at a time."""

from collections import Counter

import pytest

from daybook_scripts.chaos.checker import SINKS, check
from daybook_scripts.chaos.commands import Command, Fact
from daybook_scripts.chaos.doors import Answer
from daybook_scripts.chaos.evidence import (
    CommentRow,
    DeliveryRow,
    DerivedRow,
    Event,
    Evidence,
    HistoryRow,
    KeyRow,
    Mail,
    NotificationRow,
    TaskRow,
)
from daybook_scripts.chaos.observer import Seen, Sightings
from daybook_scripts.chaos.plan import Plan, schedule

ALICE, BOB, CAROL = 1, 2, 3
OPS, CORE = 10, 11
TASK, SECRET = 7, 8
COMMENT = 5
HOW = ("lost", "doubled", "reordered", "unexplained", "unentitled")


class Story:
    """Commands, and the evidence that they leave when nothing goes wrong. Alice watches all, Carol only OPS."""

    def __init__(self):
        self.commands = []
        self.evidence = Evidence(set_up_to=0, emails={BOB: "bob@example.com", CAROL: "carol@example.com"})
        self.versions = Counter()
        self.last_in = Counter()
        self.evidence.sightings = [
            Sightings(ALICE, frozenset({OPS, CORE}), since=0),
            Sightings(CAROL, frozenset({OPS}), since=0),
        ]

    def tell(self, kind, object_id, *facts):
        """A command of Alice's, answered a moment after it was sent, with its facts everywhere they belong."""
        number = len(self.commands) + 1
        command = Command(number, kind, ALICE, f"key {number}", lambda _: tuple(fact for fact, _ in facts))
        command.known_id, command.answer, command.attempts = object_id, Answer(200, None), 1
        command.sent_at = command.last_sent_at = number
        command.last_sent_by_clock, command.answered_at = number, number + 0.5
        self.commands.append(command)
        self.evidence.keys.append(KeyRow(ALICE, command.key, 200, object_id))
        for fact, payload in facts:
            self._happen(fact, payload, number)

    def _happen(self, fact, payload, number):
        evidence = self.evidence
        seq = len(evidence.events) + 1
        self.versions[fact.task] += 1
        version, event_id = self.versions[fact.task], f"event {seq}"
        project = {TASK: OPS, SECRET: CORE}[fact.task]
        event = Event(
            id=seq,
            event_id=event_id,
            aggregate_type="task",
            aggregate_id=str(fact.task),
            version=version,
            type=fact.type,
            actor=ALICE,
            correlation_id=f"command {number}",
            topic="task-events",
            partition=fact.task % 2,
            payload=payload,
            at=number + 0.1,
            seq=seq,
            prev_seq=self.last_in[fact.task % 2],
        )
        self.last_in[fact.task % 2] = seq
        evidence.events.append(event)
        evidence.history.append(HistoryRow(seq, event_id, fact.task, version, fact.type, ALICE))
        evidence.feed.append(DerivedRow(event_id, seq, fact.type, fact.task))
        evidence.analytics_events.append(DerivedRow(event_id, seq, fact.type, fact.task))
        for sightings in evidence.sightings:
            if project in sightings.projects:
                sightings.seen.append(Seen(seq, event_id, fact.type, fact.task, version, project))

    def notify(self, recipient):
        """Of the latest event: the notification, its delivery, its mail."""
        event, evidence = self.evidence.events[-1], self.evidence
        message_id = f"<{event.event_id}.{recipient}@localhost>"
        evidence.notifications.append(
            NotificationRow(event.id, event.event_id, recipient, event.topic, event.partition, event.seq)
        )
        evidence.deliveries.append(DeliveryRow(event.event_id, recipient, "mail", "sent", message_id))
        evidence.mails.append(Mail(message_id, evidence.emails[recipient]))


def created(task, title):
    return Fact("task.created", task, ALICE, (title, "")), {"task": {"title": title}, "description": ""}


def retitled(task, title):
    return Fact("task.updated", task, ALICE, ("title", title)), {
        "changes": {"title": {"from": "", "to": title}}
    }


def due(task, day):
    return Fact("task.due_changed", task, ALICE, day), {"to": {"date": day}}


def moved(task, status):
    return Fact("task.status_changed", task, ALICE, status), {"to": {"id": status}}


def assigned(task, person):
    return Fact("task.assigned", task, ALICE, person), {"user": person}


def commented(task, body):
    return Fact("comment.added", task, ALICE, (COMMENT, body)), {"comment": {"id": COMMENT, "body": body}}


def deleted(task):
    return Fact("comment.deleted", task, ALICE, COMMENT), {"comment": {"id": COMMENT}}


@pytest.fixture
def story():
    story = Story()
    story.tell("create", TASK, created(TASK, "One"))
    story.tell("create", SECRET, created(SECRET, "Two"))
    story.tell("edit", TASK, retitled(TASK, "One more"), due(TASK, "2031-01-01"))
    story.tell("status", TASK, moved(TASK, 22))
    story.tell("assign", TASK, assigned(TASK, BOB))
    story.notify(BOB)
    story.tell("comment", COMMENT, commented(TASK, "Well?"))
    story.tell("assign", SECRET, assigned(SECRET, CAROL))
    story.notify(CAROL)
    story.tell("comment delete", COMMENT, deleted(TASK))
    evidence = story.evidence
    short, other = {"version": 7}, {"version": 2}
    evidence.tasks = [
        TaskRow(TASK, OPS, ALICE, "One more", "", 22, "2031-01-01", 7, [BOB], short),
        TaskRow(SECRET, CORE, ALICE, "Two", "", 31, None, 2, [CAROL], other),
    ]
    evidence.comments = [CommentRow(COMMENT, TASK, ALICE, "", True)]
    evidence.analytics_tasks = {TASK: dict(short), SECRET: dict(other)}
    evidence.analytics_people = [(TASK, BOB), (SECRET, CAROL)]
    return story


def faults(story):
    """{(how, sink): count} of everything the checker finds."""
    findings = check(story.commands, story.evidence)
    return {(how, sink): n for how in HOW for sink, n in getattr(findings, how).items() if n}


def test_a_story_in_which_all_is_well_has_no_faults(story):
    assert faults(story) == {}


def swap_seen(story):
    seen = story.evidence.sightings[0].seen
    seen[2], seen[3] = seen[3], seen[2]


def swap_seqs(story):
    """Two events of one task, numbered the wrong way round, and everywhere downstream as numbered."""
    first, second = story.evidence.events[2], story.evidence.events[3]
    first.seq, second.seq = second.seq, first.seq
    first.prev_seq, second.prev_seq = second.prev_seq, first.prev_seq


def show_carol_the_secret(story):
    seen = story.evidence.sightings[0].seen[1]
    story.evidence.sightings[1].seen.insert(1, seen)


def unfinish_mail(story):
    story.evidence.deliveries[0].state = "due"
    del story.evidence.mails[0]


def write_event_nobody_asked_for(story):
    story._happen(*moved(TASK, 23), number=99)
    story.evidence.tasks[0].version = 8
    story.evidence.tasks[0].short["version"] = story.evidence.analytics_tasks[TASK]["version"] = 8


def do_a_command_twice(story):
    """The last one, as if its key had been forgotten."""
    story._happen(*deleted(TASK), number=99)
    story.evidence.tasks[0].short["version"] = story.evidence.analytics_tasks[TASK]["version"] = 8
    story.evidence.tasks[0].version = 8


PLANTED = {
    "a key is forgotten": (lambda s: s.evidence.keys.pop(), {("lost", "key"): 1}),
    "a key led to another object": (
        lambda s: setattr(s.evidence.keys[0], "object_id", 99),
        {("lost", "key"): 1, ("unexplained", "key"): 1},
    ),
    "an older title came through": (
        lambda s: setattr(s.evidence.tasks[0], "title", "One"),
        {("lost", "row"): 1},
    ),
    "an assignment's row is missing": (
        lambda s: (s.evidence.tasks[0].people.clear(), s.evidence.analytics_people.pop(0)),
        {("lost", "row"): 1},
    ),
    "a deleted comment has its text": (
        lambda s: (
            setattr(s.evidence.comments[0], "body", "Well?"),
            setattr(s.evidence.comments[0], "is_deleted", False),
        ),
        {("lost", "row"): 1},
    ),
    "a task appears twice": (
        lambda s: s.evidence.comments.append(s.evidence.comments[0]),
        {("doubled", "row"): 1},
    ),
    "a history row is missing": (lambda s: s.evidence.history.pop(3), {("lost", "history"): 1}),
    "a history row is doubled": (
        lambda s: s.evidence.history.append(s.evidence.history[-1]),
        {("doubled", "history"): 1},
    ),
    "history was written out of order": (
        lambda s: (setattr(s.evidence.history[2], "id", 4), setattr(s.evidence.history[3], "id", 3)),
        {("reordered", "history"): 1},
    ),
    "an event has no seq": (
        lambda s: setattr(s.evidence.events[-1], "seq", None),
        {("lost", "event"): 1, ("reordered", "feed"): 1, ("reordered", "analytics"): 1, ("lost", "socket"): 2}
        | {("unexplained", "socket"): 2},
    ),
    "a prev_seq is wrong": (
        lambda s: setattr(s.evidence.events[4], "prev_seq", 1),
        {("reordered", "event"): 1},
    ),
    "a feed row is missing": (lambda s: s.evidence.feed.pop(4), {("lost", "feed"): 1}),
    "a feed row is doubled": (lambda s: s.evidence.feed.append(s.evidence.feed[0]), {("doubled", "feed"): 1}),
    "a feed row stands elsewhere": (
        lambda s: setattr(s.evidence.feed[4], "seq", 99),
        {("reordered", "feed"): 1},
    ),
    "a fact of analytics is missing": (
        lambda s: s.evidence.analytics_events.pop(4),
        {("lost", "analytics"): 1},
    ),
    "a fact of analytics is doubled": (
        lambda s: s.evidence.analytics_events.append(s.evidence.analytics_events[0]),
        {("doubled", "analytics"): 1},
    ),
    "analytics has an older task": (
        lambda s: s.evidence.analytics_tasks[TASK].update(version=6),
        {("lost", "analytics"): 1},
    ),
    "analytics keeps somebody who left": (
        lambda s: s.evidence.analytics_people.append((TASK, CAROL)),
        {("unexplained", "analytics"): 1},
    ),
    "a notification is dropped": (
        lambda s: (s.evidence.notifications.pop(0), s.evidence.deliveries.pop(0), s.evidence.mails.pop(0)),
        {("lost", "notification"): 1},
    ),
    "the actor is notified": (
        lambda s: s.evidence.notifications.append(NotificationRow(99, "event 6", ALICE, "task-events", 1, 6)),
        {("unexplained", "notification"): 1, ("lost", "delivery"): 1},
    ),
    "notifications of a partition came out of order": (
        lambda s: (
            setattr(s.evidence.notifications[0], "partition", 0),
            setattr(s.evidence.notifications[0], "id", 99),
        ),
        {("reordered", "notification"): 1},
    ),
    "a delivery was never made": (
        lambda s: (s.evidence.deliveries.pop(0), s.evidence.mails.pop(0)),
        {("lost", "delivery"): 1},
    ),
    "a delivery is doubled": (
        lambda s: s.evidence.deliveries.append(
            DeliveryRow("event 6", BOB, "mail", "skipped", "<again@localhost>")
        ),
        {("doubled", "delivery"): 1, ("lost", "delivery"): 1},
    ),
    "a delivery is still due": (unfinish_mail, {("lost", "delivery"): 1}),
    "a mail marked as sent is not there": (lambda s: s.evidence.mails.pop(), {("lost", "mail"): 1}),
    "a mail went to somebody else": (
        lambda s: setattr(s.evidence.mails[0], "to", "carol@example.com"),
        {("lost", "mail"): 1, ("unexplained", "mail"): 1},
    ),
    "an observer missed an event": (
        lambda s: s.evidence.sightings[0].seen.pop(3),
        {("lost", "socket"): 1},
    ),
    "an observer saw an event twice": (
        lambda s: s.evidence.sightings[0].seen.append(s.evidence.sightings[0].seen[-1]),
        {("doubled", "socket"): 1},
    ),
    "an observer saw two events the wrong way round": (swap_seen, {("reordered", "socket"): 1}),
    "an observer saw what it may not see": (show_carol_the_secret, {("unentitled", "socket"): 2}),
    "an observer saw what never happened": (
        lambda s: s.evidence.sightings[0].seen.append(Seen(99, "event 99", "task.created", 9, 1, OPS)),
        {("unexplained", "socket"): 1},
    ),
    "an observer was reset": (
        lambda s: s.evidence.sightings[0].odd.append({"type": "reset", "room": "me", "reason": "backlog"}),
        {("unexplained", "socket"): 1},
    ),
    "an event that nobody asked for": (
        write_event_nobody_asked_for,
        {("unexplained", "event"): 1, ("lost", "row"): 1},
    ),
    "a command was done twice": (do_a_command_twice, {("doubled", "event"): 1, ("lost", "row"): 1}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_in_its_sink(story, name):
    plant, found = PLANTED[name]
    plant(story)
    assert faults(story) == found


def test_an_acknowledged_command_without_its_event_is_lost(story):
    """The row has it, and history; the event was written outside their transaction and is gone."""
    event = story.evidence.events.pop()
    story.evidence.feed.pop()
    story.evidence.analytics_events.pop()
    for sightings in story.evidence.sightings:
        sightings.seen = [seen for seen in sightings.seen if seen.event_id != event.event_id]
    found = faults(story)
    assert found.pop(("lost", "event")) == 1
    assert found == {("unexplained", "history"): 1, ("lost", "row"): 2}


def test_events_of_one_task_numbered_against_their_versions_are_reordered(story):
    swap_seqs(story)
    assert faults(story)["reordered", "event"] >= 1


def test_commands_of_one_task_in_the_wrong_order_are_reordered(story):
    """What was asked for after the first was acknowledged has the lower version."""
    first, second = story.evidence.events[0], story.evidence.events[2]
    first.payload, second.payload = second.payload, first.payload
    first.type, second.type = second.type, first.type
    assert ("reordered", "event") in faults(story)


def test_facts_of_one_command_that_do_not_stand_together_are_reordered(story):
    story.evidence.events[3].correlation_id = "another"
    assert faults(story) == {("reordered", "event"): 1}


def test_a_personal_task_is_its_makers_alone(story):
    story.evidence.tasks[0].project = None
    found = faults(story)
    assert found["unentitled", "socket"] == len(story.evidence.sightings[1].seen)


def test_every_sink_has_a_planted_fault():
    assert {sink for _, found in PLANTED.values() for _, sink in found} >= set(SINKS)


def test_a_command_whose_answer_was_lost_is_counted_as_found_done(story):
    story.commands[0].last_sent_by_clock += 1
    findings = check(story.commands, story.evidence)
    assert (findings.found_done, findings.total) == (1, 0)


def test_a_task_made_twice_is_doubled_though_its_id_is_another(story):
    """The key was forgotten, so the second try made a twin, with an event of its own."""
    story.versions[SECRET] = 0
    story._happen(*created(SECRET, "Two"), number=99)
    twin = story.evidence.events[-1]
    twin.aggregate_id = "9"
    for row in (story.evidence.history[-1], story.evidence.feed[-1], story.evidence.analytics_events[-1]):
        row.task = 9
    story.evidence.sightings[0].seen.pop()
    story.evidence.tasks.append(TaskRow(9, None, BOB, "Two", "", 31, None, 1, [], {"version": 1}))
    story.evidence.analytics_tasks[9] = {"version": 1}
    assert faults(story) == {("doubled", "event"): 1, ("doubled", "row"): 1}


def test_a_comment_made_twice_is_doubled_though_its_id_is_another(story):
    story.evidence.comments.append(CommentRow(6, TASK, ALICE, "Well?", False))
    assert faults(story) == {("doubled", "row"): 1}


@pytest.mark.parametrize("seed", range(20))
def test_kills_are_spread_over_the_commands_and_each_target_gets_its_number(seed):
    plan = Plan(seed=seed)
    kills = schedule(plan)
    assert Counter(kill.target for kill in kills) == dict.fromkeys(("web", "relay", "consumers", "worker"), 3)
    assert [kill.at for kill in kills] == sorted(kill.at for kill in kills)
    assert kills[0].at >= plan.tail
    assert kills[-1].at <= plan.commands - plan.tail
    assert kills == schedule(plan)


def test_another_seed_is_another_schedule():
    assert schedule(Plan(seed=1)) != schedule(Plan(seed=2))
