"""What the service's own login user can't do, whatever its code says."""

import psycopg
import pytest

from analytics.database import open_pool


@pytest.fixture
def role(database):
    with psycopg.connect(database.analytics_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "table", ["users_user", "users_session", "users_team", "tasks_task", "tasks_project", "event"]
)
def test_it_can_t_read_people_tasks_or_events(role, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute(f"SELECT * FROM {table}")


@pytest.mark.parametrize(
    "table", ["analytics_task", "analytics_event", "analytics_assignment", "consumer_position"]
)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"])
def test_it_can_t_change_a_projection(role, table, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute(statement.format(table))


@pytest.mark.parametrize(
    "relation",
    [
        "analytics_task",
        "analytics_event",
        "analytics_assignment",
        "consumer_position",
        "project_access",
        "live_session",
    ],
)
def test_it_can_read_what_its_figures_need(role, relation):
    role.execute(f"SELECT * FROM {relation} LIMIT 1")


def test_the_pool_s_connections_are_read_only_and_bounded_in_time(config):
    with open_pool(config.database_url) as pool, pool.connection() as connection:
        settings = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("transaction_read_only", "statement_timeout", "lock_timeout", "timezone")
        }
    assert settings == {
        "transaction_read_only": "on",
        "statement_timeout": "5s",
        "lock_timeout": "1s",
        "timezone": "UTC",
    }
