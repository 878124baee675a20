"""Whose tasks are in whose figures. OPS is seen by the whole team, SECRET only by its members."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def cast(world):
    """A team with every role, another team, and a task in each place where one can be."""
    people = {
        name: world.person(name) for name in ("olga", "adam", "mia", "greta", "gus", "ina", "otto", "pia")
    }
    boss = world.person("boss", staff=True)
    cast = SimpleNamespace(**people, boss=boss)
    cast.team = world.team("ops", owner=cast.olga, admin=cast.adam, member=cast.mia, guest=cast.greta)
    world.join_team(cast.team, cast.gus, "guest")
    world.join_team(cast.team, cast.ina, "member")
    cast.ops = world.project(cast.team, "OPS")
    cast.secret = world.project(cast.team, "SECRET", "members")
    world.join_project(cast.ops, cast.gus, "admin")
    world.join_project(cast.secret, cast.ina, "member")
    cast.other_team = world.team("other", owner=cast.otto)
    cast.other = world.project(cast.other_team, "OTHER")
    for count, (team, project) in enumerate(
        [(cast.team, cast.ops), (cast.team, cast.secret), (cast.other_team, cast.other)]
    ):
        for _ in range(10**count):
            world.task(team, project, cast.olga)
    return cast


# The figures are told apart by their digits: 1 task in OPS, 10 in SECRET, 100 in OTHER.
@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("olga", 11),
        ("adam", 11),
        ("mia", 1),
        ("ina", 11),
        ("greta", 0),
        ("gus", 1),
        ("otto", 100),
        ("pia", 0),
        ("boss", 111),
    ],
)
def test_everyone_counts_what_they_may_see(ask, cast, name, total):
    figures = ask(getattr(cast, name)).get_json()
    assert figures["totals"]["total"] == total
    assert sum(each["total"] for each in figures["by_category"]) == total
    assert sum(each["total"] for each in figures["by_priority"]) == total


def test_a_project_narrows_the_figures(ask, cast):
    assert ask(cast.olga, project=cast.secret).get_json()["totals"]["total"] == 10


def test_a_team_narrows_the_figures(ask, cast):
    assert ask(cast.boss, team=cast.team).get_json()["totals"]["total"] == 11


def test_a_team_s_member_counts_only_the_visible_part_of_it(ask, cast):
    assert ask(cast.mia, team=cast.team).get_json()["totals"]["total"] == 1


@pytest.mark.parametrize("name", ["mia", "greta", "gus", "otto", "pia"])
def test_an_invisible_project_answers_exactly_as_an_absent_one(ask, cast, name):
    invisible = ask(getattr(cast, name), project=cast.secret)
    absent = ask(getattr(cast, name), project=987654321)
    assert invisible.status_code == 404
    assert invisible.get_json()["code"] == "not_found"
    assert invisible.data == absent.data


def test_an_invisible_team_answers_exactly_as_an_absent_one(ask, cast):
    invisible, absent = ask(cast.mia, team=cast.other_team), ask(cast.mia, team=987654321)
    assert invisible.status_code == 404
    assert invisible.data == absent.data


@pytest.mark.parametrize("wanted", [{"project": 987654321}, {"team": 987654321}])
def test_staff_too_get_404_for_what_is_not_there(ask, cast, wanted):
    assert ask(cast.boss, **wanted).status_code == 404


def test_a_project_of_another_team_is_not_found_in_this_one(ask, cast):
    assert ask(cast.boss, team=cast.other_team, project=cast.ops).status_code == 404


def test_staff_may_ask_for_a_project_whose_people_are_all_inactive(ask, world, cast):
    world.owner.execute("UPDATE users_user SET is_active = false WHERE id = %s", (cast.otto.id,))
    assert ask(cast.boss, project=cast.other).get_json()["totals"]["total"] == 100


def test_who_leaves_a_team_stops_counting_its_tasks_at_once(ask, world, cast):
    world.advance(1)
    assert ask(cast.mia).get_json()["totals"]["total"] == 1
    world.owner.execute("DELETE FROM users_teammember WHERE user_id = %s", (cast.mia.id,))
    assert ask(cast.mia).get_json()["totals"]["total"] == 0


class TestPersonalTasks:
    @pytest.fixture
    def personal(self, world, cast):
        """Mia's own task, assigned to Greta."""
        task = world.task(None, None, cast.mia)
        world.assign(task, cast.greta)
        return task

    @pytest.mark.parametrize(
        ("name", "total"), [("mia", 2), ("greta", 1), ("olga", 11), ("pia", 0), ("boss", 112)]
    )
    def test_only_their_creator_and_assignees_and_staff_count_them(self, ask, cast, personal, name, total):
        assert ask(getattr(cast, name)).get_json()["totals"]["total"] == total

    def test_one_s_own_task_assigned_to_oneself_counts_once(self, ask, world, cast, personal):
        world.assign(personal, cast.mia)
        assert ask(cast.mia).get_json()["totals"]["total"] == 2

    def test_filters_leave_them_out(self, ask, cast, personal):
        assert ask(cast.mia, team=cast.team).get_json()["totals"]["total"] == 1
        assert ask(cast.mia, project=cast.ops).get_json()["totals"]["total"] == 1

    def test_being_assigned_in_a_project_one_can_t_see_counts_nothing(self, ask, world, cast):
        world.assign(next(task for task in world.tasks if task.project == cast.secret), cast.greta)
        assert ask(cast.greta).get_json()["totals"]["total"] == 0

    def test_having_made_a_task_in_a_project_one_can_t_see_counts_nothing(self, ask, world, cast):
        world.task(cast.team, cast.secret, cast.greta)
        assert ask(cast.greta).get_json()["totals"]["total"] == 0


class TestNarrowTokens:
    def test_one_sees_its_project_only(self, ask, world, cast):
        sid = world.session(cast.olga.id, project=cast.secret)
        assert ask(cast.olga, sid=sid).get_json()["totals"]["total"] == 10

    def test_one_leaves_personal_tasks_out(self, ask, world, cast):
        world.task(None, None, cast.olga)
        sid = world.session(cast.olga.id, project=cast.ops)
        assert ask(cast.olga, sid=sid).get_json()["totals"]["total"] == 1

    def test_one_of_staff_is_narrow_too(self, ask, world, cast):
        sid = world.session(cast.boss.id, project=cast.ops)
        assert ask(cast.boss, sid=sid).get_json()["totals"]["total"] == 1

    def test_another_project_is_not_found_with_it(self, ask, world, cast):
        sid = world.session(cast.olga.id, project=cast.ops)
        assert ask(cast.olga, sid=sid, project=cast.secret).status_code == 404

    def test_one_for_a_project_its_person_has_lost_sees_nothing(self, ask, world, cast):
        sid = world.session(cast.mia.id, project=cast.secret)
        assert ask(cast.mia, sid=sid).get_json()["totals"]["total"] == 0
        assert ask(cast.mia, sid=sid, project=cast.secret).status_code == 404
