"""What each program's database role may not do."""

from __future__ import annotations

import psycopg
import pytest

from tms_testing.database import copy_of
from tms_testing.stories import TaskStory


@pytest.fixture(scope="module")
def database(template):
    """One for all: what is refused changes nothing."""
    with copy_of(template) as copy:
        yield copy


REFUSED = [
    ("consumers", "UPDATE event SET payload = '{}'"),
    ("consumers", "DELETE FROM event"),
    ("consumers", "TRUNCATE event"),
    ("consumers", "INSERT INTO event_order VALUES (9, 9, 'task-events', 0, 0)"),
    ("consumers", "DELETE FROM event_order"),
    ("consumers", "DELETE FROM event_pending"),
    ("consumers", "UPDATE sequencer SET last_seq = 0"),
    ("consumers", "UPDATE event_published SET seq = 9"),
    ("consumers", "SELECT * FROM users_user"),
    ("consumers", "SELECT * FROM tasks_task"),
    ("consumers", "SELECT * FROM project_access"),
    ("consumers", "INSERT INTO event_redaction (event, why) VALUES (1, 'x')"),
    ("relay", "INSERT INTO event_pending VALUES (1)"),
    ("relay", "UPDATE event SET payload = '{}'"),
    ("relay", "DELETE FROM event"),
    ("relay", "UPDATE event_order SET seq = 9"),
    ("relay", "DELETE FROM event_order"),
    ("relay", "SELECT * FROM activity"),
    ("relay", "UPDATE consumer_position SET last_seq = 9"),
    ("relay", "SELECT * FROM users_user"),
    ("web", "UPDATE event SET payload = '{}'"),
    ("web", "DELETE FROM event"),
    ("web", "DELETE FROM event_pending"),
    ("web", "INSERT INTO event_order VALUES (9, 9, 'task-events', 0, 0)"),
    ("web", "UPDATE consumer_position SET last_seq = 9"),
    ("web", "DELETE FROM activity"),
    ("web", "UPDATE dead_letter SET resolved_at = now()"),
    ("analytics", "UPDATE analytics_task SET version = 9"),
    ("analytics", "SELECT * FROM activity"),
    ("analytics", "SELECT * FROM event"),
]


@pytest.mark.parametrize(("program", "statement"), REFUSED, ids=[f"{who}: {what}" for who, what in REFUSED])
def test_a_program_may_not(program, statement, log, as_program):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_program(program).execute(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET type = 'task.updated'", "DELETE FROM event", "TRUNCATE event"]
)
def test_not_even_the_owner_changes_an_event(statement, log):
    if log.value("SELECT count(*) FROM event") == 0:
        log.tell(*TaskStory(1).created().events)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        log.owner.execute(statement)
