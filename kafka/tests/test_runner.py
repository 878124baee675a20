"""How a consumer fares with events it can't take, with trouble that passes, and with being told to stop."""

from __future__ import annotations

import json
import signal
import threading

import psycopg
import pytest

from consumers.fold import Fold
from consumers.redrive import UnknownDeadLetter, open_letters, retry_letter
from consumers.registry import CONSUMERS, Consumer
from consumers.runner import Runner, trouble_of
from stream.connections import connect
from stream.wakes import Bell
from tms_events.envelope import standalone_fact
from tms_events.log.base import LogHole, PositionAhead
from tms_events.log.postgres import PostgresLog
from tms_events.schemas import InvalidEvent
from tms_testing.log import Log
from tms_testing.members import SEEN_TABLE, open_engine, recorder
from tms_testing.stories import ALICE, BOB, START, TaskStory, sequence_all, write, write_unchecked
from tms_testing.waiting import wait_until


def runner_of(log: Log, consumer: Consumer, stop: threading.Event | None = None) -> Runner:
    event_log = PostgresLog(
        group=consumer.name,
        member="test",
        topics=consumer.topics,
        connect=lambda: connect(log.database.consumers_url, program="test consumer"),
        wake=Bell(),
    )
    return Runner(consumer, event_log, stop or threading.Event())


def take_all(log: Log, consumer: Consumer) -> Runner:
    runner = runner_of(log, consumer)
    while runner.step(0.0):
        continue
    runner._event_log.close()
    return runner


def poison(log: Log, task: int, version: int) -> None:
    story = TaskStory(task)
    story.state["version"] = version - 1
    write_unchecked(log.database.web_url, story.created().events[0], payload={"broken": True})
    sequence_all(log.database.relay_url)


def seen(log: Log) -> list[tuple[str, int]]:
    return log.rows("SELECT aggregate, version FROM seen ORDER BY place")


def letters(log: Log) -> list[tuple]:
    return log.rows(
        "SELECT aggregate_id, seq, code, parked, resolved_at IS NULL FROM dead_letter ORDER BY seq"
    )


@pytest.fixture
def recording(log) -> Log:
    log.owner.execute(SEEN_TABLE)
    return log


def test_a_dead_letter_is_a_fact_with_the_event_as_its_cause(recording):
    poison(recording, 1, 1)
    take_all(recording, recorder("readers", "one"))
    (cause,) = recording.rows("SELECT event_id, correlation_id FROM event WHERE type = 'task.created'")
    ((causation, correlation, payload),) = recording.rows(
        "SELECT causation_id, correlation_id, payload FROM event WHERE type = 'system.dead_letter'"
    )
    assert (causation, correlation) == cause
    assert payload == {
        "group": "readers",
        "event_id": str(cause[0]),
        "seq": 1,
        "event_type": "task.created",
        "code": "invalid_event",
    }
    assert recording.value("SELECT count(*) FROM event_pending") == 1


def test_a_dead_letter_about_a_dead_letter_is_a_row_alone(log):
    fact = standalone_fact(
        "system.dead_letter",
        {"group": "g", "event_id": str(TaskStory(1).created().events[0].event_id), "seq": 1, "event_type": "x",
         "code": "y"},
        actor=None,
        occurred_at=START,
        correlation_id=TaskStory(1).created().events[0].correlation_id,
    )  # fmt: skip
    log.tell(fact)

    def refuse(batch, tx):
        raise ValueError("I take nothing")

    consumer = Consumer(
        name="watcher",
        topics=("system-notifications",),
        types=frozenset({"system.dead_letter"}),
        handle=refuse,
        fold=Fold(""),
        tables={},
    )
    take_all(log, consumer)
    assert log.rows("SELECT event_id, code FROM dead_letter") == [(fact.event_id, "unreadable_event")]
    assert log.value("SELECT count(*) FROM event") == 1


def test_what_follows_a_dead_letter_of_its_aggregate_is_parked_where_order_matters(recording):
    recording.tell(*TaskStory(1).created().events)
    poison(recording, 1, 2)
    later = TaskStory(1).created().retitled("b").retitled("c").commented("d").events[2:]
    recording.tell(*later, *TaskStory(2).created().events)
    take_all(recording, recorder("readers", "one", ordered=True))
    assert seen(recording) == [("task:1", 1), ("task:2", 1)]
    assert letters(recording) == [
        ("1", 2, "invalid_event", False, True),
        ("1", 3, "parked", True, True),
        ("1", 4, "parked", True, True),
    ]
    assert recording.value("SELECT count(*) FROM event WHERE type = 'system.dead_letter'") == 1


def test_where_order_does_not_matter_nothing_is_parked(recording):
    poison(recording, 1, 1)
    recording.tell(*TaskStory(1).created().retitled("b").events[1:])
    take_all(recording, recorder("readers", "one"))
    assert seen(recording) == [("task:1", 2)]
    assert letters(recording) == [("1", 1, "invalid_event", False, True)]


def test_a_dead_letter_quotes_nothing_of_its_event(log):
    story = TaskStory(1)
    story.state["due_at"] = "2026-13-45T00:00:00+00:00"  # fits the schema's pattern, and is no date
    log.tell(*story.created().events)
    take_all(log, CONSUMERS["analytics"])
    assert log.rows("SELECT code, detail FROM dead_letter") == [("sql_22008", "DatetimeFieldOverflow")]


def test_an_unknown_type_is_counted_and_passed_over(recording):
    strange = TaskStory(1).created().events[0]
    write_unchecked(recording.database.web_url, strange, event_type="task.exploded")
    recording.tell(*TaskStory(2).created().events)
    runner = take_all(recording, recorder("readers", "one"))
    assert runner.unknown == {"task.exploded": 1}
    assert seen(recording) == [("task:2", 1)]
    assert letters(recording) == []


def test_trouble_that_is_not_the_events_fault_is_waited_for(log):
    """A right taken away stands for everything an operator must mend: no event becomes a dead letter for it."""
    consumer, stop = CONSUMERS["activity-feed"], threading.Event()
    log.owner.execute("REVOKE INSERT ON activity FROM daybook_consumers")
    log.tell(*TaskStory(1).created().events)
    work = threading.Thread(target=runner_of(log, consumer, stop).run)
    work.start()
    refused = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    before = log.value(refused)
    wait_until(lambda: log.value(refused) > before, "the consumer has tried in vain")
    assert log.value("SELECT count(*) FROM dead_letter") == 0
    log.owner.execute("GRANT INSERT ON activity TO daybook_consumers")
    wait_until(lambda: log.value("SELECT count(*) FROM activity") == 1, "the consumer goes on")
    stop.set()
    work.join(10)
    assert log.value("SELECT count(*) FROM dead_letter") == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT missing FROM activity", 'column "missing" does not exist'),
        ("UPDATE event SET version = 1", "permission denied for table event"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "AdminShutdown"),
    ],
)
def test_what_an_operator_must_mend_is_named_in_the_log(statement, said, as_program):
    with pytest.raises(psycopg.Error) as failed:
        as_program("consumers").execute(statement)
    assert trouble_of(failed.value) == said


def test_a_retried_dead_letter_is_handled_with_what_is_parked_behind_it(log, as_program):
    """Made good from outside, as a redaction would: the event is readable now."""
    consumer = CONSUMERS["analytics"]
    story = TaskStory(1).created().assigned(BOB).status_changed()
    write_unchecked(log.database.web_url, story.events[0], payload={"broken": True})
    log.tell(*story.events[1:])
    take_all(log, consumer)
    assert log.value("SELECT count(*) FROM analytics_event") == 0
    consumers = as_program("consumers")
    first, *parked = open_letters(consumers)
    assert [letter.parked for letter in (first, *parked)] == [False, True, True]
    with pytest.raises(InvalidEvent):
        retry_letter(first.id, consumers)
    assert len(open_letters(consumers)) == 3
    log.owner.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
    log.owner.execute(
        "UPDATE event SET payload = %s WHERE version = 1 AND aggregate_type = 'task'",
        (json.dumps(story.events[0].payload),),
    )
    assert retry_letter(first.id, consumers) == 3
    assert log.rows("SELECT version, category FROM analytics_task") == [(3, "in_progress")]
    assert log.rows("SELECT user_id, since FROM analytics_assignment") == [(BOB, story.time_of(2))]
    assert open_letters(consumers) == []
    assert retry_letter(first.id, consumers) == 0
    assert log.value("SELECT count(*) FROM analytics_event") == 3


def test_a_dead_letter_that_is_not_there_can_not_be_retried(as_program):
    with pytest.raises(UnknownDeadLetter):
        retry_letter(404, as_program("consumers"))


def test_a_hole_in_the_log_stops_the_consumer(recording):
    recording.tell(*TaskStory(1).created().retitled("b").retitled("c").events)
    recording.owner.execute("DELETE FROM event_order WHERE seq = 2")
    with pytest.raises(LogHole, match="event 3 follows 2"):
        take_all(recording, recorder("readers", "one"))
    assert seen(recording) == []


def test_a_position_beyond_the_log_stops_the_consumer_and_says_how_to_mend_it(recording):
    recording.tell(*TaskStory(1).created().retitled("b").events)
    take_all(recording, recorder("readers", "one"))
    recording.owner.execute("UPDATE sequencer SET last_seq = 1, era = gen_random_uuid()")
    with pytest.raises(PositionAhead, match="consumers rebuild readers"):
        open_engine("postgres", recording.database.consumers_url, "readers", "two", 1.0).poll(10, 0.0)


def count(log: Log, table: str) -> int:
    return log.value(f"SELECT count(*) FROM {table}")


def test_all_consumers_and_the_relay_run_in_one_process_and_leave_within_10_s(log, start):
    program = start(["consumers", "all", "--relay"])
    story = TaskStory(1, actor=ALICE).created().assigned(BOB)
    write(log.database.web_url, story.events)
    wait_until(
        lambda: [count(log, table) for table in ("activity", "notification", "analytics_event")] == [2, 1, 2],
        "every projection has its rows",
    )
    program.send_signal(signal.SIGTERM)
    _, written = program.communicate(timeout=10)
    assert program.returncode == 0
    lines = [json.loads(line) for line in written.splitlines()]
    assert {line["program"] for line in lines} == {"consumers"}
    assert [line for line in lines if line["level"] != "info"] == []
    assert "Write the release note" not in written
    assert count(log, "consumer_member") == 0


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["verify", "all"], "all: verified\n"),
        (["verify", "log"], "log: verified\n"),
        (["rebuild", "activity-feed"], "activity: rebuilt, 1 rows\n"),
        (["dead-letters", "list"], ""),
    ],
)
def test_a_command_says_what_it_did(arguments, printed, log, start):
    log.tell(*TaskStory(1).created().events)
    take_all(log, CONSUMERS["activity-feed"])
    command = start(["consumers", *arguments])
    out, _ = command.communicate(timeout=30)
    assert (command.returncode, out) == (0, printed)


def test_verify_exits_1_and_names_the_table_that_differs(log, start):
    log.tell(*TaskStory(1).created().events)
    take_all(log, CONSUMERS["activity-feed"])
    log.owner.execute("DELETE FROM activity")
    command = start(["consumers", "verify", "all"])
    out, _ = command.communicate(timeout=30)
    assert command.returncode == 1
    assert out.startswith("activity: every row the log makes is there: 1 times it does not hold")
