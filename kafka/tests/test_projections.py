"""What each consumer makes of events, and that a second time makes nothing more."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from consumers import activity_feed, analytics, notifications
from consumers.registry import CONSUMERS, Consumer
from tms_events.envelope import StoredEvent
from tms_events.types import EVENT_TYPES
from tms_testing.database import copy_of
from tms_testing.stories import (
    ALICE,
    BOB,
    CAROL,
    DOING,
    START,
    TODO,
    TaskStory,
    event_of_example,
    examples,
)

ERA = "00000000-0000-0000-0000-000000000001"


def stored(*events, first_seq: int = 1) -> list[StoredEvent]:
    """Events as a log would give them back."""
    return [
        StoredEvent(
            seq=seq,
            prev_seq=seq - 1,
            era=ERA,
            event_id=event.event_id,
            type=event.type,
            schema_version=event.schema_version,
            aggregate_type=event.aggregate_type,
            aggregate_id=event.aggregate_id,
            version=event.version,
            actor=event.actor,
            occurred_at=event.occurred_at,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            topic=event.topic,
            partition=event.partition,
            payload=event.payload,
        )
        for seq, event in enumerate(events, first_seq)
    ]


@pytest.fixture(scope="module")
def database(template):
    """One for all: each test rolls back."""
    with copy_of(template) as copy:
        yield copy


@pytest.fixture
def tx(database):
    with psycopg.connect(database.consumers_url) as connection, connection.cursor() as cursor:
        yield cursor
        connection.rollback()


def contents(consumer: Consumer, tx) -> dict[str, list]:
    return {
        table: tx.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()
        for table, columns in consumer.tables.items()
    }


@pytest.mark.parametrize("consumer", CONSUMERS.values(), ids=CONSUMERS)
def test_every_golden_example_is_taken_and_a_second_time_changes_nothing(consumer, tx):
    """All examples in one database: the versions rise, as if one task had lived through them all."""
    for version, (event_type, name) in enumerate(examples(), 1):
        if event_type not in consumer.types:
            continue
        batch = stored(event_of_example(event_type, name, version), first_seq=version)
        consumer.handle(batch, tx)
        once = contents(consumer, tx)
        consumer.handle(batch, tx)
        assert contents(consumer, tx) == once, f"{event_type} {name}"
    assert once[next(iter(consumer.tables))]


@pytest.mark.parametrize("consumer", CONSUMERS.values(), ids=CONSUMERS)
def test_how_events_fall_into_batches_makes_no_difference(consumer, tx):
    rng = random.Random(20)
    events = stored(*[event for task in range(1, 9) for event in random_life(task, rng).events])
    events = [event for event in events if event.type in consumer.types]
    consumer.handle(events, tx)
    at_once = contents(consumer, tx)
    for _ in range(5):
        for table in consumer.tables:
            tx.execute(f"DELETE FROM {table}")
        rest = list(events)
        while rest:
            size = rng.randint(1, 12)
            consumer.handle(rest[:size], tx)
            rest = rest[size:]
        assert contents(consumer, tx) == at_once


def random_life(task: int, rng: random.Random) -> TaskStory:
    story = TaskStory(task, actor=rng.choice([ALICE, BOB])).created()
    for _ in range(rng.randint(0, 14)):
        person = rng.choice([ALICE, BOB, CAROL])
        match rng.randrange(4):
            case 0:
                story.assigned(person)
            case 1:
                story.unassigned(person)
            case 2:
                story.status_changed(rng.choice([TODO, DOING]))
            case 3:
                story.commented("Seen.")
    return story


def feed_row(tx, *events) -> tuple:
    activity_feed.handle(stored(*events), tx)
    return tx.execute(
        "SELECT seq, type, actor_id, at, team_id, project_id, task_id, data FROM activity ORDER BY seq DESC LIMIT 1"
    ).fetchone()


def test_the_feed_tells_a_status_change_with_from_and_to(tx):
    story = TaskStory(42, actor=BOB).created().status_changed()
    assert feed_row(tx, *story.events) == (
        2,
        "task.status_changed",
        BOB,
        story.time_of(2),
        1,
        2,
        42,
        {"key": "OPS-42", "title": "Write the release note", "from": TODO, "to": DOING},
    )


def test_the_feed_shows_at_most_200_characters_of_a_comment(tx):
    row = feed_row(tx, *TaskStory(42).created().commented("é" * 300).events)
    assert row[-1] == {"key": "OPS-42", "title": "Write the release note", "comment": 5, "excerpt": "é" * 200}


def test_the_feed_names_the_fields_of_an_edit_but_not_their_text(tx):
    row = feed_row(tx, *TaskStory(42).created().retitled("Publish it").events)
    assert row[-1] == {"key": "OPS-42", "title": "Publish it", "fields": ["title"]}


@pytest.mark.parametrize(
    ("event_type", "name", "expected"),
    [
        ("team.created", "plain", (1, None, None, {"team": "Lantern"})),
        ("project.created", "plain", (1, 2, None, {"project": "Operations"})),
        ("project.member_added", "guest", (1, 2, None, {"user": 5, "role": "guest"})),
        ("member.added", "owner", (1, None, None, {"user": 1, "role": "owner"})),
        ("member.removed", "plain", (1, None, None, {"user": 1})),
        ("member.role_changed", "raised", (1, None, None, {"user": 2, "from": "member", "to": "admin"})),
        (
            "task.due_changed",
            "set",
            (
                1,
                2,
                7,
                {
                    "key": "OPS-42",
                    "title": "Write the release note",
                    "from": {"date": None, "time": None, "at": None},
                    "to": {"date": "2026-11-26", "time": None, "at": "2026-11-27T00:00:00+00:00"},
                },
            ),
        ),
        ("task.created", "personal", (None, None, 7, {"key": None, "title": "Write the release note"})),
        (
            "comment.deleted",
            "plain",
            (1, 2, 7, {"key": "OPS-42", "title": "Write the release note", "comment": 5}),
        ),
    ],
)
def test_a_feed_row_carries_its_place_and_what_its_line_needs(tx, event_type, name, expected):
    assert feed_row(tx, event_of_example(event_type, name, 1))[4:] == expected


def test_the_feed_leaves_sign_ins_and_the_systems_own_facts_to_the_audit():
    absent = {name for name in EVENT_TYPES if name not in activity_feed.TYPES}
    assert absent == {
        "user.registered",
        "user.signed_in",
        "user.signed_out",
        "user.updated",
        "user.deactivated",
        "user.reactivated",
        "user.erased",
        "token.created",
        "token.revoked",
        "user.sign_in_failed",
        "user.access_denied",
        "system.dead_letter",
    }


def test_the_assigned_person_is_notified_once(tx):
    story = TaskStory(42, actor=ALICE).created().assigned(BOB)
    (event,) = stored(story.events[1], first_seq=9)
    notifications.handle([event], tx)
    notifications.handle([event], tx)
    rows = tx.execute(
        "SELECT event_id, recipient_id, kind, topic, partition, seq, actor_id, at, team_id, project_id, task_id, data "
        "FROM notification"
    ).fetchall()
    data = {"key": "OPS-42", "title": "Write the release note", "role": "owner"}
    at = story.time_of(2)
    assert rows == [
        (event.event_id, BOB, "assigned", "task-events", event.partition, 9, ALICE, at, 1, 2, 42, data)
    ]


def test_nobody_is_notified_of_what_they_did_themselves(tx):
    notifications.handle(stored(TaskStory(42, actor=BOB).created().assigned(BOB).events[1]), tx)
    assert tx.execute("SELECT count(*) FROM notification").fetchone() == (0,)


def test_an_assignment_by_the_system_notifies(tx):
    notifications.handle(stored(TaskStory(42, actor=None).created().assigned(BOB).events[1]), tx)
    assert tx.execute("SELECT recipient_id FROM notification").fetchall() == [(BOB,)]


def analytics_rows(tx, query: str) -> list[tuple]:
    return tx.execute(query).fetchall()


def test_analytics_keeps_a_task_as_its_latest_event_left_it(tx):
    story = TaskStory(42).created().status_changed()
    story.state |= {
        "estimated_hours": "2.50",
        "due_at": "2026-11-27T00:00:00+00:00",
        "due_date": "2026-11-26",
    }
    analytics.handle(stored(*story.retitled("Publish").events), tx)
    assert analytics_rows(tx, "SELECT * FROM analytics_task") == [
        (
            42, 3, 1, 2, ALICE, "In progress", "in_progress", "medium", datetime(2026, 11, 27, tzinfo=UTC),
            Decimal("2.50"), None, datetime(2026, 11, 24, 9, 5, tzinfo=UTC), None, None,
        )
    ]  # fmt: skip


def test_an_older_event_does_not_overwrite_a_newer_state(tx):
    events = stored(*TaskStory(42).created().assigned(BOB).unassigned(BOB).status_changed().events)
    analytics.handle(events[2:], tx)
    analytics.handle(events[:2], tx)
    assert analytics_rows(tx, "SELECT version, category FROM analytics_task") == [(4, "in_progress")]
    assert analytics_rows(tx, "SELECT * FROM analytics_assignment") == []
    assert analytics_rows(tx, "SELECT count(*) FROM analytics_event") == [(4,)]


def test_analytics_has_a_row_per_task_event_with_the_categories_it_moved_between(tx):
    analytics.handle(stored(*TaskStory(42).created().status_changed().commented("Seen.").events), tx)
    query = "SELECT seq, type, task_id, at, from_category, to_category FROM analytics_event ORDER BY seq"
    minute = [TaskStory(42).time_of(version) for version in range(4)]
    assert analytics_rows(tx, query) == [
        (1, "task.created", 42, minute[1], None, "todo"),
        (2, "task.status_changed", 42, minute[2], "todo", "in_progress"),
        (3, "comment.added", 42, minute[3], None, None),
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_an_assignment_counts_from_when_it_last_began(tx, batch_size):
    story = (
        TaskStory(42).created().assigned(BOB).assigned(CAROL).unassigned(BOB).commented("Hm.").assigned(BOB)
    )
    events = stored(*story.retitled("Publish").events)
    for at in range(0, len(events), batch_size):
        analytics.handle(events[at : at + batch_size], tx)
    assert analytics_rows(tx, "SELECT user_id, since FROM analytics_assignment ORDER BY 1") == [
        (BOB, story.time_of(6)),
        (CAROL, story.time_of(3)),
    ]


def test_a_task_made_with_its_people_counts_them_from_then(tx):
    story = TaskStory(42)
    story.state["assignees"] = [BOB]
    analytics.handle(stored(*story.created().events), tx)
    assert analytics_rows(tx, "SELECT task_id, user_id, since FROM analytics_assignment") == [
        (42, BOB, story.time_of(1))
    ]
    assert story.time_of(1) > START
