"""The list of people: those one shares a team with, and never an address."""

import json

import pytest

from apps.users.tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def names(answer):
    return [row["username"] for row in answer.json()["results"]]


def test_people_see_those_who_share_a_team_with_them(api, cast):
    assert names(api(cast.guest).get("/api/users/")) == ["olga", "adam", "mina", "gustav"]
    assert names(api(cast.outsider).get("/api/users/")) == ["oskar"]


def test_the_list_shows_no_addresses(api, cast):
    text = json.dumps(api(cast.owner).get("/api/users/").json())

    assert "@" not in text and set(json.loads(text)["results"][0]) == {"id", "name", "username"}


def test_one_sees_one_s_own_address(api, cast):
    assert api(cast.member).get("/api/users/me/").json()["email"] == "mina@lantern.example"


def test_pages_give_each_person_once(api, cast):
    client, seen, url = api(cast.owner), [], "/api/users/?limit=3"
    make_team(cast.owner, name="Second", member=cast.member)

    while url:
        answer = client.get(url)
        seen += names(answer)
        url = answer.json()["next"]

    assert seen == ["olga", "adam", "mina", "gustav"]


def test_a_list_costs_the_same_for_many(api, cast, django_assert_num_queries):
    client = api(cast.owner)
    make_team(cast.owner, name="Second", member=cast.member, guest=make_user("ben"), admin=make_user("cleo"))

    with django_assert_num_queries(2):
        client.get("/api/users/")


def test_strangers_get_401_on_every_route(api, cast):
    routes = ["users/", "users/me/", "teams/", f"teams/{cast.team.pk}/members/"]

    assert {api().get(f"/api/{route}").status_code for route in routes} == {401}
    assert api().post("/api/auth/ws-ticket/").status_code == 401
