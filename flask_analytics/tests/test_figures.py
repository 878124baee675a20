"""The figures themselves, against a slow and obvious count over the same rows."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

CATEGORIES = ["todo", "in_progress", "blocked", "done", "cancelled"]
PRIORITIES = ["low", "medium", "high", "urgent"]
CLOSED = {"done", "cancelled"}


def midnight(days_ago):
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days_ago)


@pytest.fixture
def alice(world):
    return world.person("alice")


@pytest.fixture
def place(world, alice):
    """(team, project) where Alice is the owner."""
    team = world.team("ops", owner=alice)
    return team, world.project(team, "OPS")


def test_nothing_yet_is_zeros_everywhere(ask, alice):
    figures = ask(alice).get_json()
    assert figures["position"] is None
    assert figures["totals"] == {
        "total": 0,
        "open": 0,
        "done": 0,
        "cancelled": 0,
        "overdue": 0,
        "hours_estimated": "0.00",
        "hours_actual": "0.00",
    }
    assert figures["by_category"] == [{"category": name, "total": 0} for name in CATEGORIES]
    assert figures["by_priority"] == [{"priority": name, "total": 0, "open": 0} for name in PRIORITIES]
    assert len(figures["days"]) == 30
    assert {(day["created"], day["done"]) for day in figures["days"]} == {(0, 0)}


def test_the_days_are_the_last_thirty_in_utc_and_end_today(ask, alice):
    days = [day["date"] for day in ask(alice).get_json()["days"]]
    assert days == [midnight(ago).date().isoformat() for ago in range(29, -1, -1)]


def test_hours_are_exact_decimal_strings(ask, world, alice, place):
    for _ in range(3):
        world.task(*place, alice, estimated="0.10", actual="333333.33")
    totals = ask(alice).get_json()["totals"]
    assert (totals["hours_estimated"], totals["hours_actual"]) == ("0.30", "999999.99")


def test_overdue_are_open_tasks_whose_due_moment_has_come(ask, world, alice, place):
    past, future = datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(hours=1)
    for category in CATEGORIES:
        world.task(*place, alice, category=category, due_at=past)
        world.task(*place, alice, category=category, due_at=future)
        world.task(*place, alice, category=category)
    assert ask(alice).get_json()["totals"]["overdue"] == 3


def test_archived_tasks_count_in_no_total(ask, world, alice, place):
    world.task(*place, alice, archived=True, estimated="5", due_at=midnight(1))
    assert ask(alice).get_json()["totals"]["total"] == 0
    assert ask(alice).get_json()["totals"]["hours_estimated"] == "0.00"


def test_a_day_counts_what_was_created_and_what_became_done(ask, world, alice, place):
    task = world.task(*place, alice)
    noon = midnight(3) + timedelta(hours=12)
    world.event(task, "task.created", noon, None, "todo")
    world.event(task, "task.status_changed", noon, "todo", "in_progress")
    world.event(task, "task.status_changed", noon, "in_progress", "done")
    world.event(task, "task.status_changed", noon, "done", "done")
    world.event(task, "task.updated", noon)
    assert ask(alice).get_json()["days"][26] == {
        "date": midnight(3).date().isoformat(),
        "created": 1,
        "done": 1,
    }


@pytest.mark.parametrize(
    ("at", "index"),
    [(midnight(29), 0), (midnight(0), 29), (midnight(0) - timedelta(microseconds=1), 28)],
    ids=["first moment", "today's first moment", "yesterday's last moment"],
)
def test_a_day_begins_and_ends_at_midnight_utc(ask, world, alice, place, at, index):
    world.event(world.task(*place, alice), "task.created", at, None, "todo")
    created = [day["created"] for day in ask(alice).get_json()["days"]]
    assert created == [int(place == index) for place in range(30)]


def test_what_is_older_than_thirty_days_is_not_in_the_days(ask, world, alice, place):
    world.event(
        world.task(*place, alice), "task.created", midnight(29) - timedelta(microseconds=1), None, "todo"
    )
    assert sum(day["created"] for day in ask(alice).get_json()["days"]) == 0


def test_events_in_what_the_reader_can_t_see_are_not_in_their_days(ask, world, alice, place):
    stranger = world.person("stranger")
    world.event(world.task(*place, alice), "task.created", midnight(2), None, "todo")
    world.event(world.task(None, None, alice), "task.created", midnight(2), None, "todo")
    assert sum(day["created"] for day in ask(alice).get_json()["days"]) == 2
    assert sum(day["created"] for day in ask(stranger).get_json()["days"]) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_reader_s_figures_equal_a_slow_count(ask, world, seed):
    chance = random.Random(seed)
    people, projects, sees = make_random_world(world, chance)
    events = fill_at_random(world, chance, people, projects)
    for person in people:
        visible = {task.id for task in world.tasks if may_see(world, sees, person, task)}
        figures = ask(person).get_json()
        compare(figures, [task for task in world.tasks if task.id in visible and not task.archived])
        compare_days(figures["days"], [event for event in events if event[0] in visible])


def make_random_world(world, chance):
    """People, projects and who sees which project, by the rules as people say them."""
    people = [world.person(f"person{number}") for number in range(8)] + [world.person("boss", staff=True)]
    projects, sees = [], set()
    for number in range(3):
        roles = {person: chance.choice(["owner", "admin", "member", "guest", None]) for person in people}
        team = world.team(f"team{number}")
        for person, role in roles.items():
            if role:
                world.join_team(team, person, role)
        for letter in "AB":
            visibility = chance.choice(["team", "members"])
            project = world.project(team, f"P{number}{letter}", visibility)
            projects.append((team, project))
            for person, role in roles.items():
                is_in = role is not None and chance.random() < 0.3
                if is_in:
                    world.join_project(project, person, "member")
                if is_in or role in ("owner", "admin") or (role == "member" and visibility == "team"):
                    sees.add((person.id, project))
    return people, projects, sees


def fill_at_random(world, chance, people, projects):
    """Tasks everywhere, and their events as (task id, kind, at, to category)."""
    events = []
    for _ in range(250):
        team, project = chance.choice([*projects, (None, None)])
        task = world.task(
            team,
            project,
            chance.choice(people),
            category=chance.choice(CATEGORIES),
            priority=chance.choice(PRIORITIES),
            due_at=chance.choice([None, midnight(3), midnight(-3)]),
            estimated=chance.choice([None, f"{chance.randint(0, 9999)}.{chance.randint(10, 99)}"]),
            actual=chance.choice([None, "0.25"]),
            archived=chance.random() < 0.1,
        )
        if chance.random() < 0.3:
            world.assign(task, chance.choice(people))
        created = midnight(0) - timedelta(hours=chance.randint(1, 24 * 40))
        events.append((task.id, "task.created", created, "todo"))
        world.event(task, "task.created", created, None, "todo")
        if task.category != "todo":
            events.append((task.id, "task.status_changed", created, task.category))
            world.event(task, "task.status_changed", created, "todo", task.category)
    return events


def may_see(world, sees, person, task):
    if person.is_staff:
        return True
    if task.project is not None:
        return (person.id, task.project) in sees
    return task.creator == person.id or (task.id, person.id) in world.assigned


def compare(figures, tasks):
    now = datetime.now(UTC)
    still_open = [task for task in tasks if task.category not in CLOSED]
    assert figures["totals"] == {
        "total": len(tasks),
        "open": len(still_open),
        "done": len([task for task in tasks if task.category == "done"]),
        "cancelled": len([task for task in tasks if task.category == "cancelled"]),
        "overdue": len([task for task in still_open if task.due_at and task.due_at <= now]),
        "hours_estimated": str(sum((Decimal(task.estimated or 0) for task in tasks), Decimal("0.00"))),
        "hours_actual": str(sum((Decimal(task.actual or 0) for task in tasks), Decimal("0.00"))),
    }
    assert figures["by_category"] == [
        {"category": name, "total": len([task for task in tasks if task.category == name])}
        for name in CATEGORIES
    ]
    assert figures["by_priority"] == [
        {
            "priority": name,
            "total": len([task for task in tasks if task.priority == name]),
            "open": len([task for task in still_open if task.priority == name]),
        }
        for name in PRIORITIES
    ]


def compare_days(days, events):
    for day in days:
        of_day = [event for event in events if event[2].date().isoformat() == day["date"]]
        assert day["created"] == len([event for event in of_day if event[1] == "task.created"])
        assert day["done"] == len([event for event in of_day if event[3] == "done"])
