"""Teams and who is in them."""

import pytest

from apps.common.errors import Forbidden, Invalid, NotFound
from apps.users.models import Role, Team, TeamMember, User
from apps.users.services.teams import AlreadyMember, add_team_member, create_team
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def epoch(person):
    return User.objects.get(pk=person.pk).access_epoch


def test_whoever_makes_a_team_owns_it():
    olga = make_user("olga")

    team = create_team(actor=olga, name="  Lantern  ")

    assert (team.name, team.slug[:8]) == ("Lantern", "lantern-")
    assert TeamMember.objects.get().role == Role.OWNER
    assert facts("team.created") == [{"team": {"id": team.pk, "name": "Lantern", "slug": team.slug}}]
    assert facts("member.added") == [{"team": team.pk, "user": olga.pk, "role": "owner"}]
    assert types_of(team) == [(1, "team.created"), (2, "member.added")]
    assert Team.objects.get().version == 2 and epoch(olga) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "Lantern", "slug": "LAMP"}, "slug"),
        ({"name": "Lantern", "slug": "not a slug"}, "slug"),
        ({"name": "Lantern", "time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_a_team_with_a_wrong_field_is_not_made(values, field):
    olga = make_user("olga")
    create_team(actor=olga, name="Lamp", slug="lamp")

    with pytest.raises(Invalid) as refusal:
        create_team(actor=olga, **values)

    assert set(refusal.value.fields) == {field} and Team.objects.count() == 1


def test_adding_somebody_states_the_fact_and_moves_their_access_epoch():
    olga, ben = make_user("olga"), make_user("ben")
    team = make_team(olga)

    add_team_member(actor=olga, team_id=team.pk, user_id=ben.pk, role="member")

    assert facts("member.added")[-1] == {"team": team.pk, "user": ben.pk, "role": "member"}
    assert types_of(team)[-1] == (3, "member.added") and Team.objects.get().version == 3
    assert (epoch(olga), epoch(ben)) == (1, 1)


def test_somebody_in_the_team_is_not_added_again():
    olga, ben = make_user("olga"), make_user("ben")
    team = make_team(olga, member=ben)

    with pytest.raises(AlreadyMember):
        add_team_member(actor=olga, team_id=team.pk, user_id=ben.pk, role="guest")

    assert TeamMember.objects.get(user=ben).role == "member" and Team.objects.get().version == 3


@pytest.mark.parametrize(
    ("who", "given", "refused"),
    [
        ("owner", "owner", None),
        ("owner", "guest", None),
        ("admin", "admin", None),
        ("admin", "guest", None),
        ("admin", "owner", Forbidden),
        ("member", "guest", Forbidden),
        ("guest", "guest", Forbidden),
        ("outsider", "guest", NotFound),
    ],
)
def test_nobody_gives_more_than_they_hold(cast, who, given, refused):
    ben, actor = make_user("ben"), getattr(cast, who)

    if refused is None:
        assert add_team_member(actor=actor, team_id=cast.team.pk, user_id=ben.pk, role=given).role == given
        return
    with pytest.raises(refused):
        add_team_member(actor=actor, team_id=cast.team.pk, user_id=ben.pk, role=given)
    assert not TeamMember.objects.filter(user=ben).exists()


def test_the_api_makes_a_team_and_adds_a_member(api, cast):
    client = api(cast.owner)

    made = client.post("/api/teams/", {"name": "Harbour", "slug": "harbour"}, format="json")
    team = made.json()
    added = client.post(
        f"/api/teams/{team['id']}/members/", {"user": cast.member.pk, "role": "guest"}, format="json"
    )

    assert (made.status_code, team["slug"], team["time_zone"]) == (201, "harbour", "UTC")
    assert added.status_code == 201
    assert added.json()["user"] == {"id": cast.member.pk, "name": "Mina", "username": "mina"}
    assert [row["role"] for row in client.get(f"/api/teams/{team['id']}/members/").json()["results"]] == [
        "owner",
        "guest",
    ]
    assert [row["name"] for row in client.get("/api/teams/").json()["results"]] == ["Lantern", "Harbour"]


def test_a_repeated_key_makes_one_team(api, cast):
    client = api(cast.owner)

    answers = [
        client.post("/api/teams/", {"name": "Harbour"}, format="json", HTTP_IDEMPOTENCY_KEY="once")
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json() and Team.objects.filter(name="Harbour").count() == 1


@pytest.mark.parametrize(
    ("who", "read", "write"),
    [
        ("owner", 200, 201),
        ("admin", 200, 201),
        ("member", 200, 403),
        ("guest", 200, 403),
        ("outsider", 404, 404),
    ],
)
def test_the_members_route_by_role(api, cast, who, read, write):
    client, path = api(getattr(cast, who)), f"/api/teams/{cast.team.pk}/members/"
    ben = make_user("ben")
    make_team(getattr(cast, who), name="Where they know each other", guest=ben)

    assert client.get(path).status_code == read
    assert client.post(path, {"user": ben.pk, "role": "guest"}, format="json").status_code == write


def test_an_absent_team_answers_like_an_invisible_one(api, cast):
    client = api(cast.outsider)

    hidden, absent = (
        client.get(f"/api/teams/{cast.team.pk}/members/"),
        client.get("/api/teams/999999/members/"),
    )

    assert (hidden.status_code, hidden.json()) == (absent.status_code, absent.json())
    assert client.get(f"/api/teams/{10**30}/members/").status_code == 404


def test_an_unknown_person_is_a_wrong_field(api, cast):
    path = f"/api/teams/{cast.team.pk}/members/"

    answer = api(cast.owner).post(path, {"user": 999_999, "role": "guest"}, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/user")
