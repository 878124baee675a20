"""Answers kept in Redis: never shared between readers who differ, never older than the facts, never waited for."""

import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import redis

from analytics.cache import AnswerCache, answer_key
from analytics.queries.position import FactPosition
from analytics.scope import Scope


@pytest.fixture
def cast(world):
    """Olga owns OPS, Otto owns OTHER; the consumer has counted something, so answers are kept."""
    olga, otto, mia = (world.person(name) for name in ("olga", "otto", "mia"))
    ops, other = world.team("ops", owner=olga, member=mia), world.team("other", owner=otto)
    world.task(ops, world.project(ops, "OPS"), olga)
    world.project(ops, "SECRET", "members")
    project = world.project(other, "OTHER")
    for _ in range(2):
        world.task(other, project, otto)
    world.advance(10)
    return {"olga": olga, "otto": otto, "mia": mia}


def total(response):
    return response.get_json()["totals"]["total"]


def ask_until_kept(ask, person, wait, **query):
    """An answer that comes from the cache: the same moment twice."""

    def twice():
        first, second = ask(person, **query), ask(person, **query)
        return first if first.data == second.data else None

    return wait(twice)


@contextmanager
def silent_server():
    """Accepts connections, as a hanging Redis does, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/2"


def test_an_answer_is_kept_while_the_facts_stand_still(ask, world, cast, wait):
    kept = ask_until_kept(ask, cast["olga"], wait)
    world.owner.execute("DELETE FROM analytics_task")  # not how facts change: no position moves
    assert ask(cast["olga"]).data == kept.data


def test_an_answer_is_computed_anew_when_the_position_moves(ask, world, cast, wait):
    kept = ask_until_kept(ask, cast["olga"], wait)
    world.task(None, None, cast["olga"])
    world.advance(11)
    fresh = ask(cast["olga"])
    assert (total(kept), total(fresh)) == (1, 2)
    assert fresh.get_json()["position"] == 11


def test_a_move_of_a_partition_that_lags_behind_counts_too(ask, world, cast, wait):
    world.advance(5, partition=1)
    ask_until_kept(ask, cast["olga"], wait)
    world.task(None, None, cast["olga"])
    world.advance(6, partition=1)  # the highest position is still 10
    assert total(ask(cast["olga"])) == 2


def test_readers_of_different_projects_never_share_an_answer(ask, cast, wait):
    assert total(ask_until_kept(ask, cast["olga"], wait)) == 1
    assert total(ask_until_kept(ask, cast["otto"], wait)) == 2
    assert total(ask(cast["olga"])) == 1


def test_readers_of_the_same_projects_don_t_share_personal_tasks(ask, world, cast, wait):
    world.owner.execute("DELETE FROM tasks_project WHERE key = 'SECRET'")
    world.task(None, None, cast["mia"])
    assert total(ask_until_kept(ask, cast["mia"], wait)) == 2
    assert total(ask(cast["olga"])) == 1


def test_a_narrow_token_doesn_t_get_its_person_s_kept_answer(ask, world, cast, wait):
    assert total(ask_until_kept(ask, cast["otto"], wait)) == 2
    assert total(ask(cast["otto"], sid=world.session(cast["otto"].id, project=1))) == 0


def test_losing_a_project_is_seen_at_once_though_an_answer_is_kept(ask, world, cast, wait):
    assert total(ask_until_kept(ask, cast["mia"], wait)) == 1
    world.owner.execute("DELETE FROM users_teammember WHERE user_id = %s", (cast["mia"].id,))
    assert total(ask(cast["mia"])) == 0


def test_a_session_that_ended_gets_no_kept_answer(ask, world, cast, wait):
    ask_until_kept(ask, cast["olga"], wait)
    world.owner.execute("UPDATE users_session SET ended_at = now()")
    assert ask(cast["olga"]).status_code == 401


def test_before_the_consumer_ever_ran_nothing_is_kept(ask, world, cast):
    world.owner.execute("DELETE FROM consumer_position")
    assert ask(cast["olga"]).data != ask(cast["olga"]).data


def test_every_part_of_the_key_tells_answers_apart():
    day = datetime(2026, 1, 1, tzinfo=UTC).date()
    scope, position = Scope(projects=(1, 2), personal_of=7), FactPosition(30, 20, "era")
    keys = [
        answer_key("dashboard", scope, position, day),
        answer_key("other", scope, position, day),
        answer_key("dashboard", Scope(everything=True), position, day),
        answer_key("dashboard", Scope(projects=(12,), personal_of=7), position, day),
        answer_key("dashboard", Scope(projects=(1, 2), personal_of=8), position, day),
        answer_key("dashboard", Scope(projects=(1, 2)), position, day),
        answer_key("dashboard", scope, FactPosition(31, 20, "era"), day),
        answer_key("dashboard", scope, FactPosition(30, 21, "era"), day),
        answer_key("dashboard", scope, FactPosition(30, 20, "another"), day),
        answer_key("dashboard", scope, position, day + timedelta(days=1)),
    ]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("analytics:") for key in keys)


def test_a_kept_answer_expires(config, wait):
    cache = AnswerCache(config.cache_url)
    cache.put("analytics:test-expiry", "{}")
    wait(lambda: cache.get("analytics:test-expiry") == "{}")
    with redis.Redis.from_url(config.cache_url) as server:
        assert 0 < server.ttl("analytics:test-expiry") <= 60
        server.delete("analytics:test-expiry")
    cache.close()


def test_with_redis_down_answers_are_computed(ask, start_client, cast):
    client = start_client(cache_url="redis://127.0.0.1:1/2")
    for _ in range(3):
        assert total(ask(cast["olga"], through=client)) == 1


def test_a_redis_that_hangs_delays_an_answer_by_less_than_100_ms_and_only_once():
    with silent_server() as url:
        cache = AnswerCache(url)
        started = time.perf_counter()
        assert cache.get("analytics:x") is None
        first = time.perf_counter()
        cache.put("analytics:x", "{}")
        assert cache.get("analytics:x") is None
        again = time.perf_counter()
        cache.close()
    assert first - started < 0.1
    assert again - first < 0.01


def test_a_name_that_resolves_slowly_delays_an_answer_by_less_than_100_ms(monkeypatch):
    resolved = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: resolved.wait(5) and [])
    cache = AnswerCache("redis://redis.example/2")
    started = time.perf_counter()
    assert cache.get("analytics:x") is None
    assert time.perf_counter() - started < 0.1
    resolved.set()
    cache.close()


def test_with_a_redis_that_hangs_the_dashboard_still_answers(ask, start_client, cast):
    with silent_server() as url:
        client = start_client(cache_url=url)
        assert total(ask(cast["otto"], through=client)) == 2
