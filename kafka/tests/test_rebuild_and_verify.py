"""A rebuilt projection equals the live one, and a verification finds what differs."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import psycopg
import pytest

from consumers.rebuild import rebuild
from consumers.registry import CONSUMERS, Consumer
from consumers.runner import Runner
from consumers.verify import LOG_RULES, verify_log, verify_projection
from stream.connections import connect
from stream.wakes import Bell
from tms_events.log.base import Fenced
from tms_events.log.positions import Positions
from tms_events.log.postgres import PostgresLog
from tms_testing.log import Log
from tms_testing.stories import (
    ALICE,
    BOB,
    CAROL,
    DOING,
    TaskStory,
    event_of_example,
    examples,
    sequence_all,
    write,
)
from tms_testing.waiting import wait_until

LEASE = timedelta(seconds=2)
each_consumer = pytest.mark.parametrize("consumer", CONSUMERS.values(), ids=CONSUMERS)


def member(log: Log, consumer: Consumer, name: str = "member") -> PostgresLog:
    return PostgresLog(
        group=consumer.name,
        member=name,
        topics=consumer.topics,
        connect=lambda: connect(log.database.consumers_url, program="test", lease=LEASE),
        wake=Bell(),
        lease=LEASE,
    )


def positions(log: Log, consumer: Consumer) -> Positions:
    return Positions(
        consumer.name,
        "rebuild",
        consumer.topics,
        lambda: connect(log.database.consumers_url, program="test rebuild", lease=LEASE),
        LEASE,
    )


def consume(log: Log, consumer: Consumer) -> None:
    """Take everything there is, in small batches, and leave."""
    event_log = member(log, consumer)
    runner = Runner(consumer, event_log, threading.Event(), batch_size=7)
    while runner.step(0.0):
        continue
    event_log.close()


def contents(log: Log, consumer: Consumer) -> dict[str, list]:
    return {
        table: log.rows(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        for table, columns in consumer.tables.items()
    }


def lives(tasks: int, first: int = 1):
    """Tasks with every kind of fact the stories know."""
    for task in range(first, first + tasks):
        story = TaskStory(task, actor=[ALICE, BOB][task % 2]).created().assigned(BOB).status_changed(DOING)
        yield from (
            story.commented("Seen.").unassigned(BOB).assigned(CAROL).assigned(BOB).retitled("New").events
        )


@pytest.fixture
def told(log) -> Log:
    log.tell(*lives(6))
    for consumer in CONSUMERS.values():
        consume(log, consumer)
    return log


@each_consumer
def test_what_the_batches_made_is_verified(consumer, told, as_program):
    assert verify_projection(consumer, as_program("consumers")) == []


@each_consumer
def test_a_rebuild_makes_the_same_rows_again(consumer, told, as_program):
    live = contents(told, consumer)
    for table in consumer.tables:
        told.owner.execute(f"DELETE FROM {table}")
    rows = rebuild(consumer, positions(told, consumer))
    assert contents(told, consumer) == live
    assert rows == {table: len(found) for table, found in live.items()}
    assert verify_projection(consumer, as_program("consumers")) == []


def test_every_golden_example_is_rebuilt_alike(log, as_program):
    log.tell(
        *[
            event_of_example(event_type, name, version)
            for version, (event_type, name) in enumerate(
                [(kind, name) for kind, name in examples() if kind.startswith(("task.", "comment."))], 1
            )
        ]
    )
    for consumer in CONSUMERS.values():
        consume(log, consumer)
        assert verify_projection(consumer, as_program("consumers")) == []


@each_consumer
def test_a_rebuild_under_load_loses_and_repeats_nothing(consumer, log, as_program):
    """Writers, the relay and a member go on while the projection is rebuilt again and again."""
    stop = threading.Event()
    event_log = member(log, consumer)
    runner = Runner(consumer, event_log, stop, batch_size=5)
    reader = threading.Thread(target=runner.run)
    reader.start()
    for round_ in range(4):
        log.tell(*lives(4, first=1 + 4 * round_))
        rebuild(consumer, positions(log, consumer))
    written = log.value("SELECT max(seq) FROM event_order WHERE topic = 'task-events'")
    wait_until(
        lambda: (
            log.value('SELECT max(last_seq) FROM consumer_position WHERE "group" = %s', consumer.name)
            == written
            and event_lag(log, consumer) == 0
        ),
        "the member has caught up",
    )
    stop.set()
    reader.join(10)
    assert verify_projection(consumer, as_program("consumers")) == []
    assert contents(log, consumer) == expected_of(log, consumer)


def event_lag(log: Log, consumer: Consumer) -> int:
    return log.value(
        "SELECT count(*) FROM event_order o JOIN consumer_position p USING (topic, partition) "
        'WHERE p."group" = %s AND o.seq > p.last_seq',
        consumer.name,
    )


def expected_of(log: Log, consumer: Consumer) -> dict[str, list]:
    """What one undisturbed rebuild makes of all of it."""
    rebuild(consumer, positions(log, consumer))
    return contents(log, consumer)


def test_a_member_overtaken_by_a_rebuild_writes_nothing(told):
    consumer = CONSUMERS["activity-feed"]
    told.tell(*lives(1, first=90))
    event_log = member(told, consumer)
    batch = event_log.poll(100, 1.0)
    before = contents(told, consumer)
    rebuild(consumer, positions(told, consumer))
    with pytest.raises(Fenced), event_log.transaction(batch) as tx:
        consumer.handle(batch.events, tx)
    assert contents(told, consumer) == before
    event_log.close()


def test_readers_keep_the_old_rows_until_the_rebuild_commits(told):
    consumer = CONSUMERS["activity-feed"]
    count = told.value("SELECT count(*) FROM activity")
    with psycopg.connect(told.database.owner_url) as other:
        # A lock on one row holds the rebuild up after it has begun to delete.
        other.execute("SELECT 1 FROM activity WHERE seq = (SELECT max(seq) FROM activity) FOR UPDATE")
        work = threading.Thread(target=rebuild, args=(consumer, positions(told, consumer)))
        work.start()
        waiting = (
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE NOT l.granted AND a.datname = current_database()"
        )
        wait_until(lambda: told.value(waiting) > 0, "the rebuild waits for the row")
        assert told.value("SELECT count(*) FROM activity") == count
    work.join(20)
    assert told.value("SELECT count(*) FROM activity") == count


def test_a_rebuild_leaves_out_what_is_a_dead_letter(log, as_program):
    consumer = CONSUMERS["analytics"]
    story = TaskStory(1).created()
    story.state["due_at"] = "2026-13-45T00:00:00+00:00"  # fits the schema's pattern, and is no date
    log.tell(*story.status_changed().retitled("b").events, *TaskStory(2).created().events)
    consume(log, consumer)
    assert log.rows("SELECT code, parked FROM dead_letter ORDER BY seq") == [
        ("sql_22008", False),
        ("parked", True),
    ]
    live = contents(log, consumer)
    rebuild(consumer, positions(log, consumer))
    assert contents(log, consumer) == live
    assert verify_projection(consumer, as_program("consumers")) == []


def test_after_a_restore_to_an_earlier_moment_a_rebuild_takes_the_position_back(told):
    consumer = CONSUMERS["notifications"]
    end = told.value("SELECT last_seq FROM sequencer")
    told.owner.execute(
        'UPDATE consumer_position SET last_seq = last_seq + 1000 WHERE "group" = %s', (consumer.name,)
    )
    rebuild(consumer, positions(told, consumer))
    assert told.value('SELECT max(last_seq) FROM consumer_position WHERE "group" = %s', consumer.name) == end


PLANTED = [
    ("activity-feed", "DELETE FROM activity WHERE seq = 3"),
    ("activity-feed", "UPDATE activity SET data = data || '{\"title\": \"other\"}' WHERE seq = 3"),
    ("activity-feed", "UPDATE activity SET team_id = 99 WHERE seq = 3"),
    ("activity-feed", "INSERT INTO activity SELECT gen_random_uuid(), 999, type, actor_id, at, team_id, project_id, "
     "task_id, data FROM activity WHERE seq = 3"),
    ("notifications", "DELETE FROM notification WHERE id = (SELECT min(id) FROM notification)"),
    ("notifications", "UPDATE notification SET recipient_id = 99 WHERE id = (SELECT min(id) FROM notification)"),
    ("notifications", "UPDATE notification SET kind = 'other' WHERE id = (SELECT min(id) FROM notification)"),
    ("analytics", "DELETE FROM analytics_task WHERE task_id = 3"),
    ("analytics", "UPDATE analytics_task SET category = 'done' WHERE task_id = 3"),
    ("analytics", "UPDATE analytics_task SET version = version - 1 WHERE task_id = 3"),
    ("analytics", "DELETE FROM analytics_event WHERE seq = 3"),
    ("analytics", "UPDATE analytics_event SET to_category = 'done' WHERE seq = 3"),
    ("analytics", "DELETE FROM analytics_assignment WHERE task_id = 3 AND user_id = 2"),
    ("analytics", "UPDATE analytics_assignment SET since = since + interval '1 us' WHERE task_id = 3"),
    ("analytics", "INSERT INTO analytics_assignment (task_id, user_id, since) VALUES (3, 99, now())"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fault"), PLANTED, ids=[fault for _, fault in PLANTED])
def test_a_planted_corruption_of_a_projection_is_found(name, fault, told, as_program):
    assert told.owner.execute(fault).rowcount >= 1
    consumers = as_program("consumers")
    found = verify_projection(CONSUMERS[name], consumers)
    assert {finding.subject for finding in found} == {
        fault.split(" WHERE")[0]
        .replace("DELETE FROM ", "")
        .replace("INSERT INTO ", "")
        .replace("UPDATE ", "")
        .split()[0]
    }
    others = [consumer for consumer in CONSUMERS.values() if consumer.name != name]
    assert [verify_projection(consumer, consumers) for consumer in others] == [[], []]


def test_a_sound_log_is_verified(told, as_program):
    write(told.database.web_url, TaskStory(70).created().events)  # pending is sound too
    assert verify_log(as_program("consumers")) == []


LOG_FAULTS = [
    ("the versions of an aggregate are contiguous from 1", "UPDATE event SET version = 50 WHERE id = 5"),
    ("seq is gapless from 1", "DELETE FROM event_order WHERE seq = 5"),
    ("the sequencer stands at the last seq", "UPDATE sequencer SET last_seq = last_seq - 1"),
    (
        "prev_seq names the event before in the same topic and partition",
        "UPDATE event_order SET prev_seq = 0 WHERE seq = 5",
    ),
    (
        "an aggregate's events are ordered by version",
        "UPDATE event SET version = CASE version WHEN 4 THEN 5 ELSE 4 END WHERE aggregate_id = '1' AND id IN (4, 5)",
    ),
    (
        "an event is ordered in its own topic and partition",
        "UPDATE event_order SET topic = 'other' WHERE seq = 5",
    ),
    ("every event is ordered or pending, and only once", "INSERT INTO event_pending VALUES (5)"),
    ("every event is ordered or pending, and only once", "DELETE FROM event_order WHERE seq = 48"),
    ("a payload matches its digest unless it was redacted", "UPDATE event SET payload = '{}' WHERE id = 5"),
]


@pytest.mark.parametrize(("rule", "fault"), LOG_FAULTS, ids=[fault for _, fault in LOG_FAULTS])
def test_a_planted_corruption_of_the_log_is_found(rule, fault, told, as_program):
    told.owner.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
    told.owner.execute("ALTER TABLE event DROP CONSTRAINT event_aggregate_type_aggregate_id_version_key")
    assert told.owner.execute(fault).rowcount >= 1
    assert rule in {finding.rule for finding in verify_log(as_program("consumers"))}


def test_every_rule_of_the_log_has_a_planted_fault():
    assert {rule for rule, _ in LOG_FAULTS} == set(LOG_RULES)


def test_a_redacted_payload_does_not_read_like_tampering(told, as_program):
    told.owner.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
    told.owner.execute("UPDATE event SET payload = payload - 'description' WHERE id = 1")
    told.owner.execute("INSERT INTO event_redaction (event, why) VALUES (1, 'erasure')")
    assert verify_log(as_program("consumers")) == []


def test_a_random_story_is_verified_whatever_the_batches(log, as_program):
    rng = random.Random(3)
    events = list(lives(10))
    while events:
        size = rng.randint(1, 15)
        write(log.database.web_url, events[:size])
        sequence_all(log.database.relay_url)
        events = events[size:]
        for consumer in rng.sample(list(CONSUMERS.values()), 2):
            consume(log, consumer)
    for consumer in CONSUMERS.values():
        assert verify_projection(consumer, as_program("consumers")) == []
