"""API tokens: shown once, held to their scope and project at every door, gone when they are revoked."""

from datetime import timedelta

import jwt
import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import create_task
from apps.tasks.tests.factories import make_project
from apps.users.models import ApiToken, Session, TeamMember, User
from apps.users.services.api_tokens import Wish, create_service_token, create_token
from apps.users.services.teams import remove_member
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db

TOKENS = "/api/auth/tokens/"


def with_token(secret):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def token_of(person, scope="write", project=None, days=30):
    wish = Wish(name="door list", scope=scope, days=days, project_id=project.pk if project else None)
    return create_token(actor=person, wish=wish)


def make(client, **body):
    return client.post(TOKENS, {"name": "door list", "scope": "read", **body}, format="json")


def test_a_token_is_shown_once_and_stored_as_its_digest(api, cast):
    client = api(cast.member)

    answer = make(client, project=cast.project.pk, days=30)

    body = answer.json()
    secret = body["token"]
    assert answer.status_code == 201 and secret.startswith("dbk_") and len(secret) == 47
    row = ApiToken.objects.get()
    assert secret.encode() not in bytes(row.digest) and body["ending"] == secret[-4:]
    (listed,) = client.get(TOKENS).json()["results"]
    assert "token" not in listed and listed["last_used_at"] is None
    assert (listed["scope"], listed["project"]) == ("read", cast.project.pk)
    assert facts("token.created") == [
        {
            "user": cast.member.pk,
            "session": body["id"],
            "scope": "read",
            "project": cast.project.pk,
            "service_of": None,
        }
    ]
    assert types_of(cast.member)[-1][1] == "token.created"


def test_a_token_acts_as_its_owner_and_its_use_is_noted(api, cast):
    made = token_of(cast.member)

    assert with_token(made.secret).get("/api/users/me/").json()["username"] == "mina"

    (listed,) = api(cast.member).get(TOKENS).json()["results"]
    assert listed["last_used_at"] is not None
    assert Session.objects.get(sid=made.token.pk).idle_until - timezone.now() > timedelta(days=29)


def test_using_a_token_costs_one_query(cast, django_assert_num_queries):
    client = with_token(token_of(cast.member).secret)
    client.get("/api/users/me/")

    with django_assert_num_queries(1):
        client.get("/api/users/me/")


def test_a_revoked_token_is_refused_at_once_and_one_that_never_was_answers_alike(api, cast):
    made, client = token_of(cast.member), api(cast.member)

    assert client.delete(f"{TOKENS}{made.token.pk}/").status_code == 204

    revoked = with_token(made.secret).get("/api/users/me/")
    never = with_token("dbk_" + "x" * 43).get("/api/users/me/")
    assert (revoked.status_code, revoked.json()["code"]) == (401, "token_invalid")
    assert revoked.content == never.content
    assert facts("token.revoked") == [{"user": cast.member.pk, "session": str(made.token.pk)}]
    assert client.delete(f"{TOKENS}{made.token.pk}/").status_code == 404
    assert client.get(TOKENS).json()["results"] == []


def test_a_token_ends_when_it_says(cast):
    secret = token_of(cast.member, days=1).secret
    Session.objects.filter(kind="token").update(
        expires_at=timezone.now() - timedelta(seconds=1), idle_until=timezone.now()
    )

    assert with_token(secret).get("/api/users/me/").status_code == 401


def test_a_token_of_somebody_deactivated_is_refused(cast):
    secret = token_of(cast.member).secret
    User.objects.filter(pk=cast.member.pk).update(is_active=False)

    assert with_token(secret).get("/api/users/me/").status_code == 401


def test_nobody_sees_or_revokes_another_s_token(api, cast):
    made, client = token_of(cast.member), api(cast.owner)

    assert client.get(TOKENS).json()["results"] == []
    assert client.delete(f"{TOKENS}{made.token.pk}/").status_code == 404


@pytest.mark.parametrize("text", ["dbk_", "dbk_" + "x" * 9000, "dbk_nul\x00", "dbk_ä"])
def test_nonsense_is_refused(text):
    answer = with_token(text.encode("ascii", "replace").decode()).get("/api/users/me/")

    assert answer.status_code == 401


# Scopes


def test_what_a_token_may_only_read_it_changes_nowhere(cast):
    task = create_task(actor=cast.member, title="Scan", project_id=cast.project.pk)
    client = with_token(token_of(cast.member, "read").secret)
    path = f"/api/tasks/{task.pk}/"
    tries = [
        client.post("/api/tasks/", {"title": "No"}, format="json"),
        client.patch(path, {"title": "No"}, format="json"),
        client.put(path, {"title": "No"}, format="json"),
        client.post(f"{path}comments/", {"body": "No"}, format="json"),
        client.post(f"{path}assign/", {"user": cast.member.pk}, format="json"),
        client.patch("/api/users/me/", {"display_name": "No"}, format="json"),
    ]

    assert client.get(path).status_code == 200
    refused = {(answer.status_code, answer.json()["code"]) for answer in tries}
    assert refused <= {(403, "scope_too_narrow"), (405, "method_not_allowed")}
    assert [answer.status_code for answer in tries[:5]] == [403] * 5
    assert facts("task.updated") == [] and len(facts("task.created")) == 1


def test_the_scope_write_works_and_does_not_manage(cast):
    client = with_token(token_of(cast.owner, "write").secret)

    assert client.post("/api/tasks/", {"title": "Yes"}, format="json").status_code == 201
    team = f"/api/teams/{cast.team.pk}/"
    refused = [
        client.post("/api/teams/", {"name": "No"}, format="json"),
        client.post(f"{team}invitations/", {"role": "guest"}, format="json"),
        client.delete(f"{team}members/{cast.guest.pk}/"),
        client.patch(f"{team}members/{cast.guest.pk}/", {"role": "member"}, format="json"),
        client.post("/api/projects/", {"team": cast.team.pk, "key": "NO", "name": "No"}, format="json"),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "scope_too_narrow")}
    admin = with_token(token_of(cast.owner, "admin").secret)
    assert admin.post(f"{team}invitations/", {"role": "guest"}, format="json").status_code == 201


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_no_token_of_any_scope_takes_the_account_with_it(cast, scope):
    client = with_token(token_of(cast.member, scope).secret)
    me = "/api/users/me/"
    tries = [
        client.post(f"{me}password/", {"current_password": "x", "password": "y"}, format="json"),
        client.post(f"{me}email/", {"current_password": "x", "email": "a@b.example"}, format="json"),
        client.post(f"{me}second-factor/"),
        client.get(TOKENS),
        make(client),
        client.get("/api/auth/sessions/"),
        client.post("/api/auth/logout-everywhere/", {}, format="json"),
        client.post("/api/auth/logout/"),
        client.get(f"/api/teams/{cast.team.pk}/service-tokens/"),
    ]

    assert {answer.status_code for answer in tries} == {403}
    assert ApiToken.objects.count() == 1


# One project


@pytest.fixture
def story(cast):
    other = make_project(cast.owner, cast.team, key="OTH", name="Other")
    here = create_task(actor=cast.owner, title="Here", project_id=cast.project.pk)
    there = create_task(actor=cast.owner, title="There", project_id=other.pk)
    personal = create_task(actor=cast.owner, title="Personal")
    for task in (here, there, personal):
        add_comment(actor=cast.owner, task_id=task.pk, body="Said")
    return here, there, personal, other


def test_a_narrow_token_sees_its_project_and_nothing_else(cast, story):
    here, there, personal, other = story
    client = with_token(token_of(cast.owner, "admin", cast.project).secret)

    titles = [task["title"] for task in client.get("/api/tasks/").json()["results"]]
    projects = [project["key"] for project in client.get("/api/projects/").json()["results"]]
    assert (titles, projects) == (["Here"], [cast.project.key])
    assert client.get(f"/api/tasks/{here.pk}/").status_code == 200
    for task in (there, personal):
        base = f"/api/tasks/{task.pk}/"
        for path in (base, f"{base}comments/", f"{base}history/"):
            assert client.get(path).status_code == 404
        assert client.patch(base, {"title": "No"}, format="json").status_code == 404
        assert client.post(f"{base}comments/", {"body": "No"}, format="json").status_code == 404
    assert client.get(f"/api/projects/{other.pk}/members/").status_code == 404
    assert client.get(f"/api/tasks/?project={other.pk}").json()["results"] == []
    assert client.get("/api/teams/").json()["results"] == []
    assert client.get(f"/api/teams/{cast.team.pk}/members/").status_code == 404
    assert [row["id"] for row in client.get("/api/users/").json()["results"]] == [cast.owner.pk]


def test_a_narrow_token_changes_nothing_else(cast, story):
    *_, other = story
    client = with_token(token_of(cast.owner, "admin", cast.project).secret)
    inside = client.post("/api/tasks/", {"title": "Yes", "project": cast.project.pk}, format="json")
    refused = {
        "elsewhere": client.post("/api/tasks/", {"title": "No", "project": other.pk}, format="json"),
        "absent": client.post("/api/tasks/", {"title": "No", "project": 999_999}, format="json"),
        "personal": client.post("/api/tasks/", {"title": "No"}, format="json"),
        "team": client.post("/api/teams/", {"name": "No"}, format="json"),
        "project": client.post(
            "/api/projects/", {"team": cast.team.pk, "key": "NO", "name": "No"}, format="json"
        ),
        "invitation": client.post(
            f"/api/teams/{cast.team.pk}/invitations/", {"role": "guest"}, format="json"
        ),
    }

    assert inside.status_code == 201
    statuses = {name: answer.status_code for name, answer in refused.items()}
    assert statuses["elsewhere"] == statuses["absent"] == 400
    assert refused["elsewhere"].content == refused["absent"].content
    assert statuses["personal"] == statuses["team"] == 403
    assert statuses["invitation"] == 404 and statuses["project"] in (400, 404)


def test_a_narrow_token_is_no_way_into_a_project_one_has_left(cast):
    secret = token_of(cast.member, "read", cast.project).secret
    remove_member(actor=cast.member, team_id=cast.team.pk, user_id=cast.member.pk)

    assert with_token(secret).get("/api/tasks/").json()["results"] == []


def test_a_project_out_of_sight_is_refused_like_an_absent_one(api, cast):
    theirs = make_project(cast.outsider, make_team(cast.outsider), key="HID", name="Hidden")

    hidden, absent = make(api(cast.member), project=theirs.pk), make(api(cast.member), project=999_999)

    assert hidden.status_code == 400 and hidden.content == absent.content


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "  "}, "/name"),
        ({"name": "x" * 61}, "/name"),
        ({"scope": "root"}, "/scope"),
        ({"days": 0}, "/days"),
        ({"days": 367}, "/days"),
        ({"user": 1}, "/user"),
    ],
)
def test_a_wrong_wish_names_its_field(api, cast, body, pointer):
    answer = make(api(cast.member), **body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


# For Flask and sockets


@pytest.mark.parametrize("scope", ["read", "admin"])
def test_a_token_is_exchanged_for_a_jwt_of_the_same_session_for_a_minute(cast, scope):
    made = token_of(cast.member, scope, cast.project)

    body = with_token(made.secret).post("/api/auth/token-exchange/").json()

    claims = jwt.decode(body["access"], options={"verify_signature": False})
    assert claims["sid"] == str(made.token.pk) and claims["exp"] - claims["iat"] == body["expires_in"] == 60
    exchanged = with_token(body["access"])
    assert exchanged.get("/api/users/me/").json()["username"] == "mina"
    assert exchanged.get(f"/api/teams/{cast.team.pk}/members/").status_code == 404
    assert exchanged.get(TOKENS).status_code == 403
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert exchanged.get("/api/users/me/").json()["code"] == "token_expired"


def test_a_revoked_token_s_jwt_is_refused_at_once(api, cast):
    made = token_of(cast.member)
    access = with_token(made.secret).post("/api/auth/token-exchange/").json()["access"]
    api(cast.member).delete(f"{TOKENS}{made.token.pk}/")

    assert with_token(access).get("/api/users/me/").json()["code"] == "session_ended"


def test_a_token_that_may_read_opens_a_socket(cast):
    answer = with_token(token_of(cast.member, "read").secret).post("/api/auth/ws-ticket/")

    assert answer.status_code == 201 and answer.json()["ticket"]


# Robots


def test_a_robot_is_a_member_that_acts_in_its_own_name_and_signs_in_nowhere(api, cast):
    answer = api(cast.admin).post(
        f"/api/teams/{cast.team.pk}/service-tokens/",
        {"name": "Deploy robot", "scope": "write", "project": cast.project.pk},
        format="json",
    )
    assert answer.status_code == 201
    robot = User.objects.get(service_of=cast.team)
    client = with_token(answer.json()["token"])

    made = client.post("/api/tasks/", {"title": "Release", "project": cast.project.pk}, format="json")

    assert made.json()["creator"]["id"] == robot.pk and robot.display_name == "Deploy robot"
    assert not robot.has_usable_password()
    assert TeamMember.objects.get(user=robot).role == "member"
    assert types_of(robot) == [(1, "user.registered"), (2, "token.created")]
    assert facts("user.registered")[-1]["how"] == "service"
    assert facts("token.created")[-1]["service_of"] == cast.team.pk


def test_revoking_a_robot_s_token_ends_the_robot(api, cast):
    made = create_service_token(actor=cast.admin, team_id=cast.team.pk, wish=Wish("Robot", "read", 30))
    path = f"/api/teams/{cast.team.pk}/service-tokens/"
    assert [row["name"] for row in api(cast.owner).get(path).json()["results"]] == ["Robot"]

    assert api(cast.owner).delete(f"{path}{made.token.pk}/").status_code == 204

    robot = User.objects.get(service_of=cast.team)
    assert not robot.is_active and with_token(made.secret).get("/api/users/me/").status_code == 401
    assert [name for _, name in types_of(robot)][-2:] == ["token.revoked", "user.deactivated"]


@pytest.mark.parametrize(
    ("who", "status"), [("owner", 201), ("admin", 201), ("member", 403), ("outsider", 404)]
)
def test_admins_make_robots(api, cast, who, status):
    body = {"name": "Robot", "scope": "read"}

    answer = api(getattr(cast, who)).post(f"/api/teams/{cast.team.pk}/service-tokens/", body, format="json")

    assert answer.status_code == status
    assert User.objects.filter(service_of=cast.team).count() == (status == 201)


def test_a_robot_makes_no_team_and_joins_none(cast):
    secret = create_service_token(
        actor=cast.owner, team_id=cast.team.pk, wish=Wish("Robot", "admin", 30)
    ).secret

    assert with_token(secret).post("/api/teams/", {"name": "No"}, format="json").status_code == 403


def test_a_reset_for_a_robot_s_address_reaches_nobody(cast):
    from apps.users.services.passwords import request_password_reset
    from apps.users.tests.mailbox import send_all

    create_service_token(actor=cast.owner, team_id=cast.team.pk, wish=Wish("Robot", "read", 30))
    request_password_reset(email=User.objects.get(service_of=cast.team).email)

    assert send_all() == ["skipped"]


def test_people_have_no_more_than_fifty_tokens(api, cast, monkeypatch):
    monkeypatch.setattr("apps.users.services.api_tokens.MOST_TOKENS", 2)
    client = api(cast.member)

    statuses = [make(client).status_code for _ in range(3)]

    assert statuses == [201, 201, 409] and make(api(make_user("ben"))).status_code == 201
