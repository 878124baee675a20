"""One key, one command, however many ask at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.common.errors import Busy, IdempotencyMismatch, Invalid
from apps.common.idempotency.commands import Outcome, hash_request, run_command
from apps.common.models import IdempotencyRecord, JobRun

HASH = hash_request("POST", "/api/tasks/", "{}")


def in_threads(count, act):
    def run(index):
        try:
            return act(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_eight_requests_with_one_key_one_runs_and_the_others_replay_it():
    ran, start = [], threading.Barrier(8)

    def operation():
        ran.append(1)
        return Outcome(status=201, object_id=7, version=3)

    def act(_):
        start.wait(timeout=10)
        return run_command(actor_id=1, key="k", request_hash=HASH, operation=operation)

    outcomes = in_threads(8, act)
    assert len(ran) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 7
    assert {(outcome.status, outcome.object_id, outcome.version) for outcome in outcomes} == {(201, 7, 3)}


@pytest.mark.django_db(transaction=True)
def test_a_second_one_that_waits_too_long_is_told_to_come_again():
    holding, release = threading.Event(), threading.Event()

    def slow():
        holding.set()
        assert release.wait(timeout=20)
        return Outcome(status=201)

    def act(index):
        if index == 0:
            return run_command(actor_id=1, key="k", request_hash=HASH, operation=slow)
        assert holding.wait(timeout=10)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            with pytest.raises(Busy):
                run_command(actor_id=1, key="k", request_hash=HASH, operation=slow)
        finally:
            release.set()
        return None

    assert in_threads(2, act)[0] == Outcome(status=201)


@pytest.mark.django_db
def test_another_request_under_the_same_key_is_refused():
    run_command(actor_id=1, key="k", request_hash=HASH, operation=lambda: Outcome(status=201))
    with pytest.raises(IdempotencyMismatch):
        run_command(actor_id=1, key="k", request_hash=b"other", operation=lambda: Outcome(status=201))


@pytest.mark.django_db
def test_what_is_refused_keeps_no_key():
    def refuse():
        raise Invalid

    with pytest.raises(Invalid):
        run_command(actor_id=1, key="k", request_hash=HASH, operation=refuse)
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb"])
def test_an_unusable_key_is_named(key):
    with pytest.raises(Invalid) as problem:
        run_command(actor_id=1, key=key, request_hash=HASH, operation=lambda: Outcome(status=200))
    assert problem.value.problem_code == "invalid_idempotency_key"


def test_parts_of_a_request_do_not_run_together():
    assert hash_request("ab", "c") != hash_request("a", "bc")


@pytest.mark.django_db
def test_keys_are_kept_for_seven_days():
    from datetime import timedelta

    from django.utils import timezone

    from apps.common.jobs.cleanup import remove_expired

    for key, days in (("young", 6), ("old", 8)):
        run_command(actor_id=1, key=key, request_hash=HASH, operation=lambda: Outcome(status=200))
        IdempotencyRecord.objects.filter(key=key).update(created_at=timezone.now() - timedelta(days=days))
    remove_expired()
    remove_expired()
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["young"]


class TestRunOnce:
    """Each period of a job is done once, and a kill does not skip it."""

    pytestmark = pytest.mark.django_db

    def run(self, work, lease_minutes=10):
        from datetime import UTC, datetime, timedelta

        from apps.common.jobs.runs import run_once

        period = datetime(2026, 11, 24, tzinfo=UTC)
        return run_once(name="job", period=period, lease=timedelta(minutes=lease_minutes), work=work)

    def test_a_period_is_done_once(self):
        ran = []
        assert [self.run(lambda: ran.append(1)) for _ in range(3)] == [True, False, False]
        assert len(ran) == 1

    def test_a_period_whose_worker_died_is_done_when_its_lease_has_run_out(self):
        def die():
            raise SystemExit

        with pytest.raises(SystemExit):
            self.run(die, lease_minutes=-1)
        ran = []
        assert self.run(lambda: ran.append(1))
        assert (len(ran), JobRun.objects.get().attempts) == (1, 2)

    def test_a_period_that_is_being_done_is_left_alone(self):
        def die():
            raise SystemExit

        with pytest.raises(SystemExit):
            self.run(die)
        assert not self.run(lambda: None)
