"""Each program's role may do what the table in apps.common.roles says, and nothing else."""

import os
import secrets
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection, connections
from psycopg import errors, sql

from apps.common.events.record import record
from apps.common.roles import (
    ALL_RIGHTS,
    ANALYTICS,
    CONSUMERS,
    GRANTS,
    GROUP_ROLES,
    REDACTOR,
    RELAY,
    WEB,
    domain_tables,
    rights_held,
)
from apps.users.tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connect_as(as_owner):
    """A connection as a login user of this group role, made for the test and dropped after it."""
    made, name = [], str(connections["owner"].settings_dict["NAME"])

    def connect(role):
        login, password = f"{role}_{secrets.token_hex(4)}", secrets.token_hex(8)
        as_owner.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                sql.Identifier(login), sql.Literal(password), sql.Identifier(role)
            )
        )
        parts = urlsplit(os.environ["DATABASE_URL"])
        place = parts.netloc.rpartition("@")[2]
        url = parts._replace(netloc=f"{login}:{password}@{place}", path=f"/{name}").geturl()
        made.append((login, psycopg.connect(url, autocommit=True)))
        return made[-1][1]

    yield connect
    for login, opened in made:
        opened.close()
        as_owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(login)))


def test_the_catalogue_holds_exactly_what_the_table_says(as_owner):
    with connection.cursor() as cursor:
        own = domain_tables(cursor)
    wanted = {(WEB, table, right.strip()) for table in own for right in ALL_RIGHTS.split(",")}
    wanted.add((WEB, "django_migrations", "SELECT"))
    for grant in GRANTS:
        # A right on one column is not one on the table.
        rights = [right.strip() for right in grant.rights.split(",") if "(" not in right]
        wanted |= {(grant.role, table, right) for table in grant.tables for right in rights}

    with as_owner.cursor() as cursor:
        held = set(rights_held(cursor))

    assert held == wanted


def test_no_group_role_logs_in_or_is_more_than_a_group(as_owner):
    rows = as_owner.execute(
        "SELECT rolname, rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles "
        "WHERE rolname = ANY(%s)",
        [list(GROUP_ROLES)],
    ).fetchall()

    assert sorted(rows) == sorted((role, False) for role in GROUP_ROLES)


FORBIDDEN = {
    WEB: [
        "UPDATE event SET payload = '{}'",
        "DELETE FROM event",
        "TRUNCATE event",
        "INSERT INTO event_order VALUES (1, 1, 'x', 0, 0)",
        "UPDATE sequencer SET last_seq = 9",
        "DELETE FROM event_pending",
        "UPDATE history SET at = now()",
        "DELETE FROM history",
        "DELETE FROM notification",
        "INSERT INTO analytics_assignment (task_id, user_id, since) VALUES (1, 1, now())",
        "UPDATE consumer_position SET last_seq = 9",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE users_user ADD COLUMN x int",
        "DROP VIEW live_session",
        "SET ROLE daybook_redactor",
        "SET session_replication_role = replica",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'x', now())",
    ],
    RELAY: [
        "SELECT * FROM users_user",
        "SELECT * FROM tasks_task",
        "SELECT * FROM live_session",
        "UPDATE event SET payload = '{}'",
        "DELETE FROM event",
        "INSERT INTO event_pending VALUES (1)",
        "UPDATE event_order SET seq = 9",
        "DELETE FROM event_order",
        "INSERT INTO sequencer DEFAULT VALUES",
    ],
    CONSUMERS: [
        "SELECT * FROM users_user",
        "SELECT * FROM tasks_task",
        "SELECT * FROM users_session",
        "UPDATE event SET payload = '{}'",
        "DELETE FROM event_pending",
        "INSERT INTO event_order VALUES (1, 1, 'x', 0, 0)",
        "UPDATE sequencer SET last_seq = 9",
    ],
    ANALYTICS: [
        "SELECT * FROM users_user",
        "SELECT * FROM tasks_task",
        "SELECT * FROM event",
        "SELECT * FROM history",
        "UPDATE analytics_task SET version = 9",
        "DELETE FROM analytics_event",
        "UPDATE event SET payload = '{}'",
    ],
    REDACTOR: [
        "SELECT * FROM users_user",
        "UPDATE event SET type = 'x'",
        "DELETE FROM event",
        "UPDATE event_redaction SET why = 'x'",
    ],
}


@pytest.mark.parametrize("role", list(FORBIDDEN))
def test_a_role_can_t_do_what_is_not_its_work(connect_as, role):
    opened, passed = connect_as(role), []

    for statement in FORBIDDEN[role]:
        try:
            opened.execute(statement)
        except errors.InsufficientPrivilege:
            continue
        passed.append(statement)

    assert passed == []


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (RELAY, "SELECT last_seq FROM sequencer FOR UPDATE"),
        (RELAY, "UPDATE event_published SET seq = 0"),
        (CONSUMERS, "SELECT * FROM event_order JOIN event ON event.id = event_order.event"),
        (CONSUMERS, "DELETE FROM analytics_task"),
        (ANALYTICS, "SELECT * FROM live_session"),
        (ANALYTICS, "SELECT * FROM project_access"),
        (ANALYTICS, "SELECT * FROM analytics_task"),
        (WEB, "SELECT * FROM event_order"),
    ],
)
def test_a_role_can_do_its_work(connect_as, role, statement):
    connect_as(role).execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE event SET payload = '{}'", "UPDATE event SET type = 'x'", "DELETE FROM event", "TRUNCATE event"],
)
def test_not_even_the_owner_changes_an_event(as_owner, statement):
    make_user("olga")

    with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
        as_owner.execute(statement)


def test_only_the_redactor_changes_a_payload_and_nothing_else_of_the_event(connect_as):
    make_user("olga")
    redactor = connect_as(REDACTOR)
    redactor.execute("SET ROLE daybook_redactor")

    redactor.execute("UPDATE event SET payload = '{}'")

    assert redactor.execute("SELECT payload, type FROM event").fetchall() == [({}, "user.registered")]


def test_an_event_outside_a_transaction_is_a_mistake_that_shows():
    with pytest.raises(RuntimeError, match="inside the transaction"):
        record()
