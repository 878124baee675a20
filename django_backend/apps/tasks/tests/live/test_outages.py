"""What open pages lose when something else fails: time, and nothing else."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from apps.tasks.tests.live.conftest import running_server
from apps.tasks.tests.live.log import facts_about, heard_about, make


@pytest.fixture(scope="module")
def server_without_redis(django_db_setup):
    with running_server(REDIS_URL="redis://127.0.0.1:1/0") as running:
        yield running


def test_without_redis_events_arrive_by_polling(cast, open_page, server_without_redis):
    page = open_page(cast.member, at=server_without_redis)
    page.subscribe("me")
    page.subscribe(f"project:{cast.project.pk}")
    task = make(cast.owner, "Write", cast.project)
    began = time.monotonic()
    page.until("event", room="me")
    assert time.monotonic() - began < 3
    assert heard_about(page.events("me")) == facts_about(task)


def test_without_redis_commands_are_carried_out(cast, open_page, server_without_redis):
    page = open_page(cast.member, at=server_without_redis)
    began = time.monotonic()
    assert page.command("create_task", "key-1", title="Write", project_id=cast.project.pk)["status"] == 201
    assert time.monotonic() - began < 3


def test_connections_that_the_database_cuts_are_made_anew(cast, open_page, as_owner):
    page = open_page(cast.member)
    page.subscribe("me")
    made = [make(cast.owner, "Before", cast.project)]
    page.until("event")
    for number in range(5):
        cut_the_web(as_owner)
        made.append(make(cast.owner, f"After {number}", cast.project))
        page.until("event")
    assert heard_about(page.events()) == facts_about(*made)
    assert page.command("create_task", "key-1", title="Write")["status"] == 201


def cut_the_web(owner):
    """End every connection of the web's role but the test's own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'daybook-web' AND pid <> %s "
        "AND usename <> current_user",
        [mine],
    )
