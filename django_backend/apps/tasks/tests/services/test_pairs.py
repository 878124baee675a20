"""Any two services on the same rows, in whatever order they take their locks, never deadlock.

Each statement of each thread is held back by a few random milliseconds, so that the locks of the two really interleave.
A deadlock is counted by PostgreSQL itself; what a service refuses (somebody else was first) is no deadlock.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from apps.common.errors import DomainError
from apps.tasks.models import Comment, Project, Task
from apps.tasks.services.comments import add_comment, delete_comment, edit_comment
from apps.tasks.services.projects import add_project_member, create_project
from apps.tasks.services.tasks import assign_task, change_status, create_task, edit_task, unassign_task
from apps.tasks.tests.factories import make_project
from apps.users.models import Team, User
from apps.users.services.sessions import begin_session, sign_out
from apps.users.services.teams import add_team_member, create_team
from apps.users.tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db(transaction=True)

DEADLOCK = "40P01"
SEED = 20261124
names = itertools.count()


@dataclass(frozen=True, slots=True)
class Rows:
    """What both services of a pair work on."""

    owner: User
    member: User
    newcomer: User
    team: Team
    project: Project
    task: Task
    comment: Comment

    @property
    def statuses(self) -> list[int]:
        return list(self.project.statuses.values_list("pk", flat=True))


SERVICES: dict[str, Callable[[Rows, random.Random], Any]] = {
    "create_task": lambda r, _: create_task(
        actor=r.owner, title="New", project_id=r.project.pk, assignee_ids=[r.member.pk, r.owner.pk]
    ),
    "edit_task": lambda r, rng: edit_task(
        actor=r.member, task_id=r.task.pk, changes={"title": f"T{rng.random()}", "priority": "high"}
    ),
    "change_status": lambda r, rng: change_status(
        actor=r.member, task_id=r.task.pk, status_id=rng.choice(r.statuses)
    ),
    "assign_task": lambda r, _: assign_task(actor=r.owner, task_id=r.task.pk, user_id=r.owner.pk),
    "unassign_task": lambda r, _: unassign_task(actor=r.owner, task_id=r.task.pk, user_id=r.member.pk),
    "add_comment": lambda r, _: add_comment(actor=r.member, task_id=r.task.pk, body="More"),
    "edit_comment": lambda r, rng: edit_comment(
        actor=r.owner, task_id=r.task.pk, comment_id=r.comment.pk, body=f"B{rng.random()}"
    ),
    "delete_comment": lambda r, _: delete_comment(actor=r.owner, task_id=r.task.pk, comment_id=r.comment.pk),
    "create_project": lambda r, _: create_project(
        actor=r.owner, team_id=r.team.pk, key=f"K{next(names)}", name="New"
    ),
    "add_project_member": lambda r, _: add_project_member(
        actor=r.owner, project_id=r.project.pk, user_id=r.member.pk, role="member"
    ),
    "create_team": lambda r, _: create_team(actor=r.owner, name="Second"),
    "add_team_member": lambda r, _: add_team_member(
        actor=r.owner, team_id=r.team.pk, user_id=r.newcomer.pk, role="member"
    ),
    "session": lambda r, _: sign_out(actor=r.member, sid=begin_session(actor=r.member, kind="api").sid),
}
ALL_PAIRS = list(itertools.combinations_with_replacement(SERVICES, 2))


def deadlocks() -> int:
    """How many PostgreSQL has broken in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def run_at_once(*acts: Callable[[], Any], rng: random.Random) -> list[str]:
    """Run the acts in threads that start together, each statement held back at random; SQL states of what broke."""
    start = threading.Barrier(len(acts))
    seeds = [rng.random() for _ in acts]

    def run(act: Callable[[], Any], seed: float) -> str | None:
        delays = random.Random(seed)

        def hold_back(execute, sql, params, many, context):
            time.sleep(delays.uniform(0, 0.004))
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(hold_back):
                start.wait(timeout=30)
                act()
        except DomainError:
            return None
        except OperationalError as problem:
            return str(getattr(problem.__cause__, "sqlstate", problem))
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return [state for state in pool.map(run, acts, seeds) if state]


def assert_no_deadlock(pairs: list[tuple[str, str]], rng: random.Random) -> None:
    before = deadlocks()
    for first, second in pairs:
        rows = make_rows()
        broken = run_at_once(
            lambda first=first, rows=rows: SERVICES[first](rows, rng),
            lambda second=second, rows=rows: SERVICES[second](rows, rng),
            rng=rng,
        )
        assert broken == [], f"{first} beside {second}: {broken}"
    assert deadlocks() == before


def make_rows() -> Rows:
    """Fresh rows under keys of their own, so that one pair's leftovers are not in the next one's way."""
    owner, member, newcomer = (make_user() for _ in range(3))
    team = make_team(owner, member=member)
    project = make_project(owner, team, key=f"P{next(names)}")
    task = create_task(actor=member, title="Shared", project_id=project.pk, assignee_ids=[member.pk])
    comment = add_comment(actor=owner, task_id=task.pk, body="Shared")
    return Rows(owner, member, newcomer, team, project, task, comment)


def test_a_hundred_seeded_pairs_of_services_do_not_deadlock():
    rng = random.Random(SEED)
    assert_no_deadlock(rng.choices(ALL_PAIRS, k=100), rng)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("round_number", range(20))
def test_all_pairs_of_services_do_not_deadlock(round_number):
    rng = random.Random(SEED + round_number)
    assert_no_deadlock(ALL_PAIRS, rng)


def opposite_inserts(lock: Callable[[Task], Any]) -> list[str]:
    """Two transactions: each locks one task, then inserts a row that points at the other one."""
    rows = make_rows()
    other = create_task(actor=rows.owner, title="Other", project_id=rows.project.pk)
    both_locked = threading.Barrier(2)

    def insert(mine: Task, theirs: Task) -> None:
        with transaction.atomic():
            lock(mine)
            both_locked.wait(timeout=10)
            Task.objects.create(
                project=None,
                title="Points across",
                creator=rows.owner,
                status_id=Task.objects.get(pk=mine.pk).status_id,
                category="todo",
                parent=theirs,
                created_at=mine.created_at,
                updated_at=mine.updated_at,
            )

    with ThreadPoolExecutor(2) as pool:

        def run(pair: tuple[Task, Task]) -> str | None:
            try:
                insert(*pair)
            except OperationalError as problem:
                return str(getattr(problem.__cause__, "sqlstate", problem))
            finally:
                connection.close()
            return None

        return [state for state in pool.map(run, [(rows.task, other), (other, rows.task)]) if state]


def test_two_inserts_that_point_at_each_others_locked_task_pass():
    assert opposite_inserts(lambda task: list(Task.objects.for_change().filter(pk=task.pk))) == []


def test_with_a_plain_lock_the_same_two_inserts_would_deadlock():
    """The proof that the test above can fail: FOR UPDATE also blocks the foreign-key check."""
    assert opposite_inserts(lambda task: list(Task.objects.select_for_update().filter(pk=task.pk))) == [
        DEADLOCK
    ]
