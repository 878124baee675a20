"""The contract of every log engine: what a member may rely on, whatever carries the events."""

from __future__ import annotations

import random
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from consumers.runner import Runner
from tms_events.envelope import Event
from tms_events.log.base import Batch, EventLog, Fenced
from tms_testing.kafka_feed import KafkaFeed
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
    kafka: KafkaFeed | None = None
    name: str = field(default_factory=lambda: f"readers-{secrets.token_hex(4)}")
    opened: list[EventLog] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap if self.kafka else ""

    def tell(self, *events: Event) -> None:
        """Commit, sequence, and publish where the log is Kafka."""
        self.log.tell(*events)
        if self.kafka:
            self.kafka.publish()

    def member(self, member: str, group: str | None = None) -> EventLog:
        url = self.log.database.consumers_url
        event_log = open_engine(self.engine, url, group or self.name, member, LEASE, bootstrap=self.bootstrap)
        self.opened.append(event_log)
        return event_log

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
            "--bootstrap",
            self.bootstrap,
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


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.serial])])
def group(request, log, start) -> Iterator[Group]:
    log.owner.execute(SEEN_TABLE)
    group = Group(log, request.param, start)
    if group.engine == "kafka":
        group.kafka = KafkaFeed(log, request.getfixturevalue("kafka_broker").address)
        group.kafka.begin(group.name, [TOPIC])
    yield group
    for event_log in group.opened:
        event_log.close()
    if group.kafka:
        group.kafka.close()


def test_the_suite_runs_on_every_engine():
    assert ENGINES == ("postgres", "kafka")


def first_batch(event_log: EventLog, limit: int) -> Batch:
    """What comes first: Kafka assigns partitions only after a while, and may send the events bit by bit."""
    batches: list[Batch] = []

    def polled() -> bool:
        batches.append(event_log.poll(limit, 0.1))
        return bool(batches[-1].events)

    wait_until(polled, "the first batch")
    return batches[-1]


def whole_batch(event_log: EventLog, count: int) -> Batch:
    """Polled until all `count` events are handed out together."""
    batches: list[Batch] = []

    def polled() -> bool:
        batches.append(event_log.poll(count, 0.1))
        return len(batches[-1].events) == count

    wait_until(polled, f"a batch of {count}")
    return batches[-1]


def is_stopped(process: subprocess.Popen[str]) -> bool:
    """Whether it got SIGSTOP."""
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


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
    group.tell(*stories(tasks=20, facts=15))
    runner = group.runner("one", batch=7)
    drain(runner, until=lambda: len(group.seen()) >= 300)
    assert each_once_in_order(group.seen(), tasks=20, facts=15)


def test_a_batch_is_no_longer_than_asked(group):
    group.tell(*stories(tasks=5, facts=10))
    event_log, sizes = group.member("one"), []

    def all_taken() -> bool:
        batch = event_log.poll(8, 0.1)
        sizes.append(len(batch.events))
        with event_log.transaction(batch):
            return sum(sizes) == 50

    wait_until(all_taken, "50 events taken")
    assert max(sizes) == 8


def test_a_member_resumes_where_the_group_stopped(group):
    group.tell(*stories(tasks=10, facts=10))
    first = group.runner("one", batch=30)
    drain(first, until=lambda: len(group.seen()) >= 30)
    first._event_log.close()
    assert 30 <= len(group.seen()) < 100
    drain(group.runner("two"), until=lambda: len(group.seen()) >= 100)
    assert each_once_in_order(group.seen(), tasks=10, facts=10)


def test_what_was_handed_out_and_not_taken_comes_again(group):
    group.tell(*stories(tasks=3, facts=3))
    event_log = group.member("one")
    first = whole_batch(event_log, 9)
    with pytest.raises(ZeroDivisionError), event_log.transaction(first):
        raise ZeroDivisionError
    assert event_log.poll(9, 1.0) == first


def test_effects_and_position_commit_together(group):
    group.tell(*stories(tasks=1, facts=2))
    event_log = group.member("one")
    batch = whole_batch(event_log, 2)
    with event_log.transaction(batch) as tx:
        tx.execute("INSERT INTO seen (aggregate) VALUES ('effect')")
        assert (group.lag(), group.log.value("SELECT count(*) FROM seen")) == (2, 0)
    assert (group.lag(), group.log.value("SELECT count(*) FROM seen")) == (0, 1)


def test_the_lag_counts_what_waits_and_reaches_0(group):
    runner = group.runner("one", batch=4)
    group.tell(*stories(tasks=3, facts=4))
    taken = []

    def stepped() -> bool:
        taken.append(runner.step(0.1))
        return taken[-1] > 0

    wait_until(stepped, "some are taken")
    assert runner._event_log.lag() == group.lag() == 12 - taken[-1]
    drain(runner, until=lambda: group.lag() == 0)
    assert runner._event_log.lag() == 0


def test_every_group_sees_every_event(group):
    group.tell(*stories(tasks=4, facts=5))
    for name in (group.name, f"{group.name}-too"):
        group.name = name
        drain(group.runner("one"), until=lambda name=name: len(group.seen(name)) >= 20)
        assert each_once_in_order(group.seen(name), tasks=4, facts=5)


def test_two_members_share_the_partitions_and_a_third_gets_its_part(group):
    group.tell(*stories(tasks=30, facts=4))
    two = [group.runner("one", batch=3), group.runner("two", batch=3)]
    drain(*two, until=lambda: group.holders() == {"one": 6, "two": 6})
    three = [*two, group.runner("three", batch=3)]
    drain(*three, until=lambda: group.holders() == {"one": 4, "two": 4, "three": 4})
    drain(*three, until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=30, facts=4)


def test_a_member_that_leaves_gives_its_partitions_back_at_once(group):
    one = group.member("one")
    wait_until(
        lambda: one.poll(1, 0.0).events == () and group.holders() == {"one": PARTITIONS}, "all are held"
    )
    one.close()
    assert group.holders() == {}


@pytest.mark.kill
def test_a_member_killed_between_effects_and_commit_leaves_neither_gap_nor_repeat(group):
    group.tell(*stories(tasks=10, facts=10))
    killed = group.process("killed", "--kill-at", "45")
    assert killed.wait(30) == -signal.SIGKILL
    assert 35 <= len(group.seen()) < 45
    drain(group.runner("heir"), until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=10, facts=10)


@pytest.mark.kill
def test_members_killed_at_any_moment_leave_neither_gap_nor_repeat(group):
    group.tell(*stories(tasks=40, facts=20))
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
    group.tell(*stories(tasks=10, facts=10))
    hung = group.process("hung", "--hang-at", "35")
    wait_until(lambda: is_stopped(hung), "the member hangs in a batch")
    assert 25 <= len(group.seen()) < 35
    heir = group.runner("heir")
    drain(heir, until=lambda: group.lag() == 0)
    hung.send_signal(signal.SIGCONT)
    group.tell(*TaskStory(11).created().events)
    wait_until(lambda: bool(heir.step(0.0)) or len(group.seen()) == 101, "one of them handles what is new")
    hung.send_signal(signal.SIGTERM)
    assert hung.wait(10) == 0
    seen = group.seen()
    assert each_once_in_order([row for row in seen if row[0] != "task:11"], tasks=10, facts=10)
    assert seen.count(("task:11", 1)) == 1


def test_a_member_that_comes_back_after_its_lease_writes_nothing(group):
    group.tell(*stories(tasks=5, facts=5))
    late = group.member("late")
    stale = whole_batch(late, 25)
    drain(group.runner("heir"), until=lambda: group.lag() == 0)
    with pytest.raises(Fenced), late.transaction(stale) as tx:
        tx.execute("INSERT INTO seen (aggregate) VALUES ('too late')")
    assert each_once_in_order(group.seen(), tasks=5, facts=5)
    assert late.poll(50, 0.0).events == ()


def test_a_batch_longer_than_its_lease_is_not_taken_over(group):
    group.tell(*stories(tasks=5, facts=5))
    slow, heir = group.member("slow"), group.member("heir")
    batch = whole_batch(slow, 25)
    heir.poll(1, 0.0)
    with slow.transaction(batch) as tx:
        work = threading.Thread(target=tx.execute, args=("SELECT pg_sleep(2.5 * %s)", (LEASE,)))
        work.start()
        wait_until(lambda: group.holders() == {}, "the lease ends")
        wait_until(
            lambda: heir.poll(1, 0.0).events != () or "heir" in group.holders() or not work.is_alive(),
            "the heir takes what is free, or is given nothing while the batch lasts",
        )
        taken = "SELECT partition FROM consumer_position WHERE lease_owner = 'heir'"
        assert {row[0] for row in group.log.rows(taken)}.isdisjoint(
            move.held.partition for move in batch.moves
        )
        assert work.is_alive() or group.engine == "kafka"
        work.join()
    assert group.lag() == 0


@pytest.mark.kill
def test_sigterm_finishes_the_batch_and_gives_the_partitions_back(group):
    group.tell(*stories(tasks=10, facts=10))
    process = group.process("polite", "--batch", "1")
    wait_until(lambda: len(group.seen()) > 5, "the member works")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert group.holders() == {}
    assert len(group.seen()) == 100 - group.lag()


def test_a_lost_connection_drops_the_leases_and_loses_nothing(group):
    group.tell(*stories(tasks=5, facts=5))
    runner = group.runner("one", batch=5)
    drain(runner, until=lambda: len(group.seen()) >= 10)
    epochs = group.log.value("SELECT sum(lease_epoch) FROM consumer_position")
    group.log.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'test one' AND datname = current_database()"
    )
    with pytest.raises(psycopg.OperationalError):
        drain(runner, until=lambda: group.lag() == 0)
    drain(runner, until=lambda: group.lag() == 0)
    assert each_once_in_order(group.seen(), tasks=5, facts=5)
    assert group.log.value("SELECT sum(lease_epoch) FROM consumer_position") == epochs + PARTITIONS


def test_a_poison_event_becomes_a_dead_letter_and_the_rest_goes_on(group):
    poison = TaskStory(1).created().events[0]
    write_unchecked(group.log.database.web_url, poison, payload={"task": "none"})
    group.tell(*TaskStory(2).created().assigned(BOB).events)
    drain(group.runner("one"), until=lambda: group.lag() == 0)
    assert group.seen() == [("task:2", 1), ("task:2", 2)]
    letters = group.log.rows('SELECT "group", event_id, event_type, code, parked FROM dead_letter')
    assert letters == [(group.name, poison.event_id, "task.created", "invalid_event", False)]


def test_positions_adopt_another_era_and_go_on(group):
    group.tell(*stories(tasks=2, facts=3))
    runner = group.runner("one")
    drain(runner, until=lambda: group.lag() == 0)
    era = group.log.value("UPDATE sequencer SET era = gen_random_uuid() RETURNING era")
    group.tell(*TaskStory(3).created().events)
    drain(runner, until=lambda: group.lag() == 0)
    assert group.log.rows("SELECT DISTINCT era FROM consumer_position") == [(era,)]
    assert group.seen().count(("task:3", 1)) == 1


def test_topics_have_as_many_partitions_as_the_engine_says(group):
    group.member("one").poll(1, 0.0)
    assert group.log.value("SELECT count(*) FROM consumer_position WHERE topic = %s", TOPIC) == PARTITIONS
