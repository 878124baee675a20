"""The relay gives every committed event exactly one place, without gaps, in order within an aggregate."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
import redis

from consumers.verify import verify_log
from relay.sequencer import LOCK, SEQUENCE, sequence_once
from stream.wakes import PENDING_CHANNEL, SEQ_CHANNEL
from tms_events.envelope import Event
from tms_events.outbox import insert_events
from tms_testing.log import Log
from tms_testing.stories import TaskStory, sequence_all, write
from tms_testing.waiting import wait_until

pytestmark = pytest.mark.pg18

WRITERS, COMMANDS, TASKS = 8, 60, 12
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6415/0")


def write_commands(url: str, seed: int, acknowledged: list[UUID]) -> None:
    """Commands on tasks that all writers share: lock, next version, insert, dawdle, commit. Some roll back."""
    rng = random.Random(seed)
    with psycopg.connect(url) as connection:
        for _ in range(COMMANDS):
            task = rng.randint(1, TASKS)
            # The lock stands for the task's row lock, which is taken before the event is inserted.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (task,))
            row = connection.execute(
                "SELECT coalesce(max(version), 0) FROM event WHERE aggregate_type = 'task' AND aggregate_id = %s",
                (str(task),),
            ).fetchone()
            events = facts(task, row[0], rng.randint(1, 3))
            insert_events(connection.cursor(), events)
            time.sleep(rng.choice([0, 0, 0.001, 0.01]))  # the writer's own work, between insert and commit
            if rng.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()
                acknowledged += [event.event_id for event in events]


def facts(task: int, after: int, count: int) -> list[Event]:
    story = TaskStory(task).created()
    return [
        replace(story.events[0], version=after + number, event_id=UUID(int=random.getrandbits(128)))
        for number in range(1, count + 1)
    ]


def sequenced(log: Log) -> list[UUID]:
    rows = log.rows("SELECT e.event_id FROM event_order o JOIN event e ON e.id = o.event ORDER BY o.seq")
    return [row[0] for row in rows]


def run_relay(url: str, stop: threading.Event, limit: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            sequence_once(connection, limit)


def test_two_relays_give_8_writers_events_one_gapless_order(log, as_program):
    acknowledged: list[UUID] = []
    stop = threading.Event()
    relay_url, web_url = log.database.relay_url, log.database.web_url
    with ThreadPoolExecutor(WRITERS + 2) as pool:
        relays = [pool.submit(run_relay, relay_url, stop, limit) for limit in (1, 2000)]
        writers = [pool.submit(write_commands, web_url, seed, acknowledged) for seed in range(WRITERS)]
        try:
            for writer in writers:
                writer.result(60)
            wait_until(lambda: log.value("SELECT count(*) FROM event_pending") == 0, "nothing is pending")
        finally:
            stop.set()
        for relay in relays:
            relay.result(10)
    assert len(acknowledged) > WRITERS * COMMANDS * 0.8
    assert sorted(sequenced(log)) == sorted(acknowledged)
    assert log.value("SELECT last_seq FROM sequencer") == len(acknowledged)
    assert verify_log(as_program("consumers")) == []


def test_a_relay_beside_one_that_is_at_work_waits_and_finds_nothing_left(log, as_program):
    write(log.database.web_url, TaskStory(1).created().retitled("a").events)
    one, two = as_program("relay"), as_program("relay")
    with ThreadPoolExecutor() as pool:
        with one.transaction():
            one.execute(LOCK)
            one.execute(SEQUENCE, {"last": 0, "limit": 10})
            late = pool.submit(sequence_once, two)
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
            wait_until(lambda: log.value(waiting, two.info.backend_pid) == 1, "the second relay waits")
        assert late.result(10) is None
    assert log.value("SELECT last_seq FROM sequencer") == 2
    assert verify_log(as_program("consumers")) == []


def test_nothing_pending_writes_nothing(log, as_program):
    relay = as_program("relay")
    assert sequence_once(relay) is None
    assert log.value("SELECT pg_current_xact_id_if_assigned() IS NULL")
    assert log.value("SELECT xmax::text FROM sequencer") == "0"


def test_an_uncommitted_event_has_no_place_and_holds_up_nobody(log, as_program):
    with psycopg.connect(log.database.web_url) as slow:
        insert_events(slow.cursor(), TaskStory(1).created().events)
        log.tell(*TaskStory(2).created().events)
        assert log.rows("SELECT e.aggregate_id FROM event_order o JOIN event e ON e.id = o.event") == [("2",)]
    sequence_once(as_program("relay"))
    assert log.rows(
        "SELECT o.seq, e.aggregate_id FROM event_order o JOIN event e ON e.id = o.event ORDER BY 1"
    ) == [(1, "2"), (2, "1")]


def test_prev_seq_names_the_event_before_in_the_same_partition_across_batches(log, as_program):
    write(log.database.web_url, TaskStory(1).created().retitled("a").retitled("b").retitled("c").events)
    relay = as_program("relay")
    assert [sequence_once(relay, limit=2), sequence_once(relay, limit=2), sequence_once(relay)] == [
        2,
        4,
        None,
    ]
    assert log.rows("SELECT seq, prev_seq FROM event_order ORDER BY seq") == [(1, 0), (2, 1), (3, 2), (4, 3)]


def heard(channels: redis.client.PubSub, awaited: bytes) -> Callable[[], bool]:
    def condition() -> bool:
        message = channels.get_message(timeout=0.1)
        return message is not None and message["data"] == awaited

    return condition


def test_the_relay_process_wakes_redis_with_the_last_seq_and_stops_on_sigterm(log, start):
    base = random.randrange(10**9, 10**12)  # no other test's number: Redis channels are everyone's
    log.owner.execute("UPDATE sequencer SET last_seq = %s", (base,))
    relay = start(["relay"])
    with redis.Redis.from_url(REDIS_URL) as client, client.pubsub(ignore_subscribe_messages=True) as channels:
        channels.subscribe(SEQ_CHANNEL)
        write(log.database.web_url, TaskStory(1).created().retitled("a").events)
        client.publish(PENDING_CHANNEL, b"")
        wait_until(heard(channels, str(base + 2).encode()), "a wake with the last seq")
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(10) == 0


def test_the_relay_survives_the_loss_of_its_connection(log, start):
    start(["relay"])
    for task in (1, 2):
        write(log.database.web_url, TaskStory(task).created().events)
        wait_until(lambda task=task: len(sequenced(log)) == task, f"event {task} has its seq")
        log.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'daybook relay' AND datname = current_database()"
        )


@pytest.mark.kill
def test_relays_killed_at_any_moment_leave_no_gap(log, start, as_program):
    web = as_program("web")
    tasks = iter(range(1, 1001))
    for number in range(4):
        before = len(sequenced(log))
        relay = start(["relay"])
        insert_events(web.cursor(), TaskStory(next(tasks)).created().events)
        wait_until(lambda before=before: len(sequenced(log)) > before, "the relay works")
        for _ in range(150 + 10 * number):
            insert_events(web.cursor(), TaskStory(next(tasks)).created().events)
        relay.send_signal(signal.SIGKILL)
        relay.wait(10)
    sequence_all(log.database.relay_url)
    assert len(sequenced(log)) == next(tasks) - 1
    assert verify_log(as_program("consumers")) == []
