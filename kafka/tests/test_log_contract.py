"""The contract of every log engine: what a member may rely on, whatever carries the events."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest

from consumers.runner import Runner
from tms_events.envelope import Event
from tms_events.log.base import EventLog, Fenced
from tms_testing.log import Log
from tms_testing.members import ENGINES, SEEN_TABLE, TOPIC, open_engine, recorder
from tms_testing.stories import BOB, TaskStory, write_unchecked
from tms_testing.waiting import wait_until

pytestmark = pytest.mark.pg18

LEASE = 1.0
PARTITIONS = 12


@dataclass
class Group:
    """A group of members over one engine, and what they have handled."""

    log: Log
    engine: str
    start: Callable[[list[str]], subprocess.Popen[str]]
    name: str = "readers"
    opened: list[EventLog] = field(default_factory=list)

    def member(self, member: str, group: str | None = None) -> EventLog:
        url = self.log.database.consumers_url
        self.opened.append(open_engine(self.engine, url, group or self.name, member, LEASE))
        return self.opened[-1]

    def runner(self, member: str, batch: int = 50, **options) -> Runner:
        consumer = recorder(self.name, member, **options)
        return Runner(consumer, self.member(member), stop=threading.Event(), batch_size=batch)

    def process(self, member: str, *options: str) -> subprocess.Popen[str]:
        url = self.log.database.consumers_url
        arguments = [
            "tms_testing.members",
            self.engine,
            url,
            self.name,
            member,
            "--lease",
            str(LEASE),
            *options,
        ]
        return self.start(arguments)

    def seen(self, group: str | None = None) -> list[tuple[str, int]]:
        """(aggregate, version) of every effect, in the order they were written."""
        return self.log.rows(
            'SELECT aggregate, version FROM seen WHERE "group" = %s ORDER BY place', group or self.name
        )

    def holders(self) -> dict[str, int]:
        """How many partitions each member holds now."""
        return dict(
            self.log.rows(
                'SELECT lease_owner, count(*) FROM consumer_position WHERE "group" = %s '
                "AND lease_until > clock_timestamp() GROUP BY lease_owner",
                self.name,
            )
        )

    def lag(self) -> int:
        """Events of the topic that the group has not taken."""
        return self.log.value(
            "SELECT count(*) FROM event_order o WHERE NOT EXISTS (SELECT FROM consumer_position p "
            'WHERE p."group" = %s AND p.topic = o.topic AND p.partition = o.partition AND p.last_seq >= o.seq)',
            self.name,
        )


@pytest.fixture(params=ENGINES)
def group(request, log, start) -> Iterator[Group]:
    log.owner.execute(SEEN_TABLE)
    group = Group(log, request.param, start)
    yield group
    for event_log in group.opened:
        event_log.close()


def stories(tasks: int, facts: int, seed: int = 1) -> list[Event]:
    """Facts of several tasks, shuffled together but each task's in order."""
    lives = {}
    for task in range(1, tasks + 1):
        story = TaskStory(task).created()
        while len(story.events) < facts:
            story.retitled(f"Title {len(story.events)}")
        lives[task] = iter(story.events)
    turns = [task for task in lives for _ in range(facts)]
    random.Random(seed).shuffle(turns)
    return [next(lives[task]) for task in turns]


def each_once_in_order(seen: list[tuple[str, int]], tasks: int, facts: int) -> bool:
    by_task: dict[str, list[int]] = {}
    for aggregate, version in seen:
        by_task.setdefault(aggregate, []).append(version)
    return by_task == {f"task:{task}": list(range(1, facts + 1)) for task in range(1, tasks + 1)}


def drain(*runners: Runner, until: Callable[[], bool]) -> None:
    """Let the members step in turn until the condition holds."""

    def step() -> bool:
        for runner in runners:
            runner.step(0.0)
        return until()

    wait_until(step, "everything handled")


def test_events_of_one_aggregate_come_once_and_in_order(group):
    group.log.tell(*stories(tasks=20, facts=15))
    runner = group.runner("one", batch=7)
    drain(runner, until=lambda: len(group.seen()) >= 300)
    assert each_once_in_order(group.seen(), tasks=20, facts=15)


def test_a_batch_is_no_longer_than_asked(group):
    group.log.tell(*stories(tasks=5, facts=10))
    assert len(group.member("one").poll(8, 1.0).events) == 8


def test_a_member_resumes_where_the_group_stopped(group):
    group.log.tell(*stories(tasks=10, facts=10))
    first = group.runner("one", batch=30)
    drain(first, until=lambda: len(group.seen()) >= 30)
    first._event_log.close()
    assert 30 <= len(group.seen()) < 100
    drain(group.runner("two"), until=lambda: len(group.seen()) >= 100)
    assert each_once_in_order(group.seen(), tasks=10, facts=10)


def test_what_was_handed_out_and_not_taken_comes_again(group):
    group.log.tell(*stories(tasks=3, facts=3))
    event_log = group.member("one")
    first = event_log.poll(5, 1.0)
    with pytest.raises(ZeroDivisionError), event_log.transaction(first):
        raise ZeroDivisionError
    assert event_log.poll(5, 1.0) == first


def test_effects_and_position_commit_together(group):
    group.log.tell(*stories(tasks=1, facts=2))
    event_log = group.member("one")
    batch = event_log.poll(5, 1.0)
    with event_log.transaction(batch) as tx:
        tx.execute("INSERT INTO seen (aggregate) VALUES ('effect')")
        assert (group.lag(), group.log.value("SELECT count(*) FROM seen")) == (2, 0)
    assert (group.lag(), group.log.value("SELECT count(*) FROM seen")) == (0, 1)


def test_the_lag_counts_what_waits_and_reaches_0(group):
    runner = group.runner("one", batch=4)
    group.log.tell(*stories(tasks=3, facts=4))
    runner.step(1.0)
    assert runner._event_log.lag() == group.lag() == 8
    drain(runner, until=lambda: group.lag() == 0)
    assert runner._event_log.lag() == 0


def test_every_group_sees_every_event(group):
    group.log.tell(*stories(tasks=4, facts=5))
    for name in ("readers", "others"):
        group.name = name
        drain(group.runner("one"), until=lambda name=name: len(group.seen(name)) >= 20)
        assert each_once_in_order(group.seen(name), tasks=4, facts=5)


def test_two_members_share_the_partitions_and_a_third_gets_its_part(group):
    group.log.tell(*stories(tasks=30, facts=4))
    two = [group.runner("one", batch=3), group.runner("two", batch=3)]
    drain(*two, until=lambda: group.holders() == {"one": 6, "two": 6})
    three = [*two, group.runner("three", batch=3)]
    drain(*three, until=lambda: group.holders() == {"one": 4, "two": 4, "three": 4})
    drain(*three, until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=30, facts=4)


def test_a_member_that_leaves_gives_its_partitions_back_at_once(group):
    one = group.member("one")
    one.poll(1, 0.0)
    assert group.holders() == {"one": PARTITIONS}
    one.close()
    assert group.holders() == {}


@pytest.mark.kill
def test_a_member_killed_between_effects_and_commit_leaves_neither_gap_nor_repeat(group):
    group.log.tell(*stories(tasks=10, facts=10))
    killed = group.process("killed", "--kill-at", "45")
    assert killed.wait(30) == -signal.SIGKILL
    assert len(group.seen()) == 40
    drain(group.runner("heir"), until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=10, facts=10)


@pytest.mark.kill
def test_members_killed_at_any_moment_leave_neither_gap_nor_repeat(group):
    group.log.tell(*stories(tasks=40, facts=20))
    rng = random.Random(7)
    for number in range(4):
        before = len(group.seen())
        process = group.process(f"killed {number}", "--batch", "2")
        more = before + rng.randint(20, 120)
        wait_until(lambda more=more: len(group.seen()) >= more, f"{more} handled")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    drain(group.runner("heir"), until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=40, facts=20)


@pytest.mark.kill
def test_a_member_that_hangs_inside_a_transaction_stops_nobody_and_is_fenced_when_it_wakes(group):
    group.log.tell(*stories(tasks=10, facts=10))
    hung = group.process("hung", "--hang-at", "35")
    wait_until(lambda: len(group.seen()) == 30, "the member hangs in its fourth batch")
    heir = group.runner("heir")
    drain(heir, until=lambda: group.lag() == 0)
    hung.send_signal(signal.SIGCONT)
    group.log.tell(*TaskStory(11).created().events)
    wait_until(lambda: bool(heir.step(0.0)) or len(group.seen()) == 101, "one of them handles what is new")
    hung.send_signal(signal.SIGTERM)
    assert hung.wait(10) == 0
    seen = group.seen()
    assert each_once_in_order([row for row in seen if row[0] != "task:11"], tasks=10, facts=10)
    assert seen.count(("task:11", 1)) == 1


def test_a_member_that_comes_back_after_its_lease_writes_nothing(group):
    group.log.tell(*stories(tasks=5, facts=5))
    late = group.member("late")
    stale = late.poll(50, 1.0)
    assert len(stale.events) == 25
    drain(group.runner("heir"), until=lambda: group.lag() == 0)
    with pytest.raises(Fenced), late.transaction(stale) as tx:
        tx.execute("INSERT INTO seen (aggregate) VALUES ('too late')")
    assert each_once_in_order(group.seen(), tasks=5, facts=5)
    assert late.poll(50, 0.0).events == ()


def test_a_batch_longer_than_its_lease_is_not_taken_over(group):
    group.log.tell(*stories(tasks=5, facts=5))
    slow, heir = group.member("slow"), group.member("heir")
    batch = slow.poll(50, 1.0)
    heir.poll(1, 0.0)
    with slow.transaction(batch) as tx:
        work = threading.Thread(target=tx.execute, args=("SELECT pg_sleep(2.5 * %s)", (LEASE,)))
        work.start()
        wait_until(lambda: group.holders() == {}, "the lease ends")
        wait_until(
            lambda: heir.poll(1, 0.0).events != () or "heir" in group.holders(), "the heir takes what is free"
        )
        taken = "SELECT partition FROM consumer_position WHERE lease_owner = 'heir'"
        assert {row[0] for row in group.log.rows(taken)}.isdisjoint(
            move.held.partition for move in batch.moves
        )
        assert work.is_alive()
        work.join()
    assert group.lag() == 0


@pytest.mark.kill
def test_sigterm_finishes_the_batch_and_gives_the_partitions_back(group):
    group.log.tell(*stories(tasks=10, facts=10))
    process = group.process("polite", "--batch", "1")
    wait_until(lambda: len(group.seen()) > 5, "the member works")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert group.holders() == {}
    assert len(group.seen()) == 100 - group.lag()


def test_a_lost_connection_drops_the_leases_and_loses_nothing(group):
    group.log.tell(*stories(tasks=5, facts=5))
    runner = group.runner("one", batch=5)
    drain(runner, until=lambda: len(group.seen()) >= 10)
    epochs = group.log.value("SELECT sum(lease_epoch) FROM consumer_position")
    group.log.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'test one' AND datname = current_database()"
    )
    with pytest.raises(psycopg.OperationalError):
        runner.step(0.0)
    drain(runner, until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=5, facts=5)
    assert group.log.value("SELECT sum(lease_epoch) FROM consumer_position") == epochs + PARTITIONS


def test_a_poison_event_becomes_a_dead_letter_and_the_rest_goes_on(group):
    poison = TaskStory(1).created().events[0]
    write_unchecked(group.log.database.web_url, poison, payload={"task": "none"})
    group.log.tell(*TaskStory(2).created().assigned(BOB).events)
    drain(group.runner("one"), until=lambda: group.lag() == 0)
    assert group.seen() == [("task:2", 1), ("task:2", 2)]
    letters = group.log.rows('SELECT "group", event_id, event_type, code, parked FROM dead_letter')
    assert letters == [("readers", poison.event_id, "task.created", "invalid_event", False)]


def test_positions_adopt_another_era_and_go_on(group):
    group.log.tell(*stories(tasks=2, facts=3))
    runner = group.runner("one")
    drain(runner, until=lambda: group.lag() == 0)
    era = group.log.value("UPDATE sequencer SET era = gen_random_uuid() RETURNING era")
    group.log.tell(*TaskStory(3).created().events)
    drain(runner, until=lambda: group.lag() == 0)
    assert group.log.rows("SELECT DISTINCT era FROM consumer_position") == [(era,)]
    assert group.seen().count(("task:3", 1)) == 1


def test_topics_have_as_many_partitions_as_the_engine_says(group):
    group.member("one").poll(1, 0.0)
    assert group.log.value("SELECT count(*) FROM consumer_position WHERE topic = %s", TOPIC) == PARTITIONS
