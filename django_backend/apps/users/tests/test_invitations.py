"""Into a team by a link that works once; whether somebody has an account here, nobody can ask."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from apps.users.models import AccountLink, TeamMember, User
from apps.users.services.invitations import accept_invitation, invite_to_team, register_invited
from apps.users.services.links import LinkNotGood
from apps.users.services.teams import AlreadyMember, change_member_role, remove_member
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import PASSWORD, make_team, make_user
from apps.users.tests.mailbox import mails_to, path_mailed_to, secret_mailed_to

pytestmark = pytest.mark.django_db

PRIYA = {"username": "priya", "display_name": "Priya Nair", "password": PASSWORD}
ADDRESS = "priya@lantern.example"


def invite(client, team, **body):
    return client.post(f"/api/teams/{team.pk}/invitations/", {"role": "member", **body}, format="json")


def secret_of(answer):
    return urlsplit(answer.json()["link"]).path.rstrip("/").rpartition("/")[2]


def test_a_link_to_hand_over_is_shown_once_and_lets_a_newcomer_register(api, client, cast):
    answer = invite(api(cast.admin), cast.team)
    assert answer.status_code == 201 and answer.json()["email"] == ""
    listed = api(cast.admin).get(f"/api/teams/{cast.team.pk}/invitations/").json()["results"]
    assert "link" not in listed[0] and listed[0]["id"] == answer.json()["id"]

    path = urlsplit(answer.json()["link"]).path
    assert "Adam invites you" in client.get(path).content.decode()
    assert client.post(path, {**PRIYA, "email": ADDRESS}).status_code == 302

    priya = User.objects.get(username="priya")
    assert TeamMember.objects.get(user=priya).role == "member" and priya.email_verified_at is None
    assert facts("user.registered")[-1] == {"user": priya.pk, "how": "invited"}
    assert facts("member.added")[-1] == {"team": cast.team.pk, "user": priya.pk, "role": "member"}
    assert client.get("/api/users/me/").json()["username"] == "priya"
    assert client.get(path).status_code == client.post(path).status_code == 404


def test_a_mailed_link_is_shown_to_nobody_and_proves_the_address(api, client, cast):
    answer = invite(api(cast.owner), cast.team, email=ADDRESS)
    assert answer.json()["link"] is None
    assert mails_to(ADDRESS) == [f"You are invited to {cast.team.name}"]

    path = path_mailed_to(ADDRESS)
    client.post(path, {**PRIYA, "email": "another@lantern.example"})

    priya = User.objects.get(username="priya")
    assert (priya.email, priya.email_verified_at is not None) == (ADDRESS, True)


def test_an_invitation_opens_an_invited_server_and_not_a_closed_one(api, settings, cast):
    secret = secret_of(invite(api(cast.owner), cast.team))
    body = {**PRIYA, "email": ADDRESS, "invitation": secret}
    settings.REGISTRATION = "closed"
    assert api().post("/api/auth/register/", body, format="json").json()["code"] == "registration_closed"
    settings.REGISTRATION = "invited"
    assert api().post("/api/auth/register/", body, format="json").status_code == 201
    again = api().post(
        "/api/auth/register/", body | {"username": "x1", "email": "x@y.example"}, format="json"
    )
    assert (again.status_code, again.json()["code"]) == (404, "link_not_good")


def test_inviting_tells_nothing_of_who_has_an_account(api, cast):
    known, unknown = (
        invite(api(cast.owner), cast.team, email=email)
        for email in ("oskar@lantern.example", "nobody@lantern.example")
    )

    assert known.status_code == unknown.status_code == 201
    assert set(known.json()) == set(unknown.json())


def test_adding_by_id_takes_only_whom_one_knows_and_tells_nothing_of_others(api, cast):
    client, path = api(cast.owner), f"/api/teams/{cast.team.pk}/members/"

    there, absent = (
        client.post(path, {"user": user, "role": "guest"}, format="json")
        for user in (cast.outsider.pk, 999_999)
    )

    assert there.status_code == 400 and (there.content == absent.content)
    assert client.post(path, {"user": "oskar", "role": "guest"}, format="json").status_code == 400


def test_somebody_with_an_account_joins_by_the_link(api, cast):
    secret = secret_of(invite(api(cast.owner), cast.team, role="guest"))

    answer = api(cast.outsider).post("/api/invitations/accept/", {"token": secret}, format="json")

    assert (answer.status_code, answer.json()["role"]) == (200, "guest")
    assert answer.json()["team"]["id"] == cast.team.pk
    assert User.objects.get(pk=cast.outsider.pk).access_epoch == cast.outsider.access_epoch + 1


def test_a_mailed_invitation_is_for_its_address_alone(api, cast):
    invite(api(cast.owner), cast.team, email="oskar@lantern.example")
    secret, ben = secret_mailed_to("oskar@lantern.example"), make_user("ben")

    answer = api(ben).post("/api/invitations/accept/", {"token": secret}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "invitation_for_another")
    assert accept_invitation(actor=cast.outsider, secret=secret).role == "member"


def test_a_link_works_once(cast):
    made = invite_to_team(actor=cast.owner, team_id=cast.team.pk, role="guest")
    secret = str(made.address).rstrip("/").rpartition("/")[2]
    accept_invitation(actor=cast.outsider, secret=secret)

    with pytest.raises(LinkNotGood):
        accept_invitation(actor=make_user("ben"), secret=secret)


def test_a_member_who_follows_it_does_not_spend_it(cast):
    made = invite_to_team(actor=cast.owner, team_id=cast.team.pk, role="guest")
    secret = str(made.address).rstrip("/").rpartition("/")[2]

    with pytest.raises(AlreadyMember):
        accept_invitation(actor=cast.member, secret=secret)
    assert accept_invitation(actor=cast.outsider, secret=secret).role == "guest"


def test_a_link_ends_after_seven_days_and_when_it_is_taken_back(api, cast):
    client = api(cast.admin)
    first, second = invite(client, cast.team), invite(client, cast.team)
    path = f"/api/teams/{cast.team.pk}/invitations/{first.json()['id']}/"

    assert [client.delete(path).status_code, client.delete(path).status_code] == [204, 404]
    with pytest.raises(LinkNotGood):
        accept_invitation(actor=cast.outsider, secret=secret_of(first))
    with (
        time_machine.travel(timezone.now() + timedelta(days=7, seconds=1)),
        pytest.raises(LinkNotGood),
    ):
        accept_invitation(actor=cast.outsider, secret=secret_of(second))


@pytest.mark.parametrize("happens", ["demoted", "removed", "deactivated"])
def test_an_invitation_is_worth_what_its_maker_may_still_give(cast, happens):
    made = invite_to_team(actor=cast.admin, team_id=cast.team.pk, role="admin")
    secret = str(made.address).rstrip("/").rpartition("/")[2]
    if happens == "demoted":
        change_member_role(actor=cast.owner, team_id=cast.team.pk, user_id=cast.admin.pk, role="member")
    elif happens == "removed":
        remove_member(actor=cast.owner, team_id=cast.team.pk, user_id=cast.admin.pk)
    else:
        User.objects.filter(pk=cast.admin.pk).update(is_active=False)

    with pytest.raises(LinkNotGood):
        accept_invitation(actor=cast.outsider, secret=secret)
    with pytest.raises(LinkNotGood):
        register_invited(secret=secret, email=ADDRESS, **PRIYA)
    assert not User.objects.filter(username="priya").exists()


@pytest.mark.parametrize(
    ("who", "role", "status"),
    [
        ("owner", "owner", 201),
        ("admin", "admin", 201),
        ("admin", "owner", 403),
        ("member", "guest", 403),
        ("guest", "guest", 403),
        ("outsider", "guest", 404),
    ],
)
def test_nobody_invites_to_more_than_they_hold(api, cast, who, role, status):
    assert invite(api(getattr(cast, who)), cast.team, role=role).status_code == status


def test_members_see_no_invitations_and_outsiders_no_team(api, cast):
    path = f"/api/teams/{cast.team.pk}/invitations/"
    found = {who: api(getattr(cast, who)).get(path).status_code for who in ("admin", "member", "outsider")}

    assert found == {"admin": 200, "member": 403, "outsider": 404}


def test_an_invitation_of_another_team_is_not_taken_back_here(api, cast):
    other = make_team(cast.outsider, name="Other")
    made = invite(api(cast.outsider), other)

    answer = api(cast.owner).delete(f"/api/teams/{cast.team.pk}/invitations/{made.json()['id']}/")

    assert answer.status_code == 404 and AccountLink.objects.get().revoked_at is None


def test_a_wrong_address_is_named(api, cast):
    assert invite(api(cast.owner), cast.team, email="nonsense").json()["errors"][0]["pointer"] == "/email"


# Members change and leave


def test_an_admin_changes_a_role_and_the_person_s_epoch_moves(api, cast):
    path = f"/api/teams/{cast.team.pk}/members/{cast.member.pk}/"
    before = User.objects.get(pk=cast.member.pk).access_epoch

    answer = api(cast.admin).patch(path, {"role": "guest"}, format="json")

    assert (answer.status_code, answer.json()["role"]) == (200, "guest")
    assert facts("member.role_changed") == [
        {"team": cast.team.pk, "user": cast.member.pk, "from": "member", "to": "guest"}
    ]
    assert User.objects.get(pk=cast.member.pk).access_epoch == before + 1
    assert types_of(cast.team)[-1][1] == "member.role_changed"


@pytest.mark.parametrize(
    ("who", "whom", "role", "status"),
    [
        ("admin", "owner", "guest", 403),
        ("admin", "member", "owner", 403),
        ("member", "guest", "member", 403),
        ("outsider", "guest", "member", 404),
        ("owner", "outsider", "member", 404),
        ("owner", "admin", "owner", 200),
    ],
)
def test_nobody_changes_more_than_they_hold(api, cast, who, whom, role, status):
    path = f"/api/teams/{cast.team.pk}/members/{getattr(cast, whom).pk}/"

    assert api(getattr(cast, who)).patch(path, {"role": role}, format="json").status_code == status


def test_a_member_leaves_and_an_admin_takes_somebody_out(api, cast):
    base = f"/api/teams/{cast.team.pk}/members"

    assert api(cast.member).delete(f"{base}/{cast.member.pk}/").status_code == 204
    assert api(cast.admin).delete(f"{base}/{cast.guest.pk}/").status_code == 204
    assert api(cast.admin).delete(f"{base}/{cast.owner.pk}/").status_code == 403
    assert [fact["user"] for fact in facts("member.removed")] == [cast.member.pk, cast.guest.pk]
    assert api(cast.member).get(f"{base}/").status_code == 404


@pytest.mark.parametrize("how", ["leaves", "steps down"])
def test_the_last_owner_stays(api, cast, how):
    client, path = api(cast.owner), f"/api/teams/{cast.team.pk}/members/{cast.owner.pk}/"

    answer = client.delete(path) if how == "leaves" else client.patch(path, {"role": "admin"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert TeamMember.objects.get(user=cast.owner).role == "owner" and facts("member.removed") == []


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays(cast):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connection

    from apps.users.services.teams import LastOwner

    change_member_role(actor=cast.owner, team_id=cast.team.pk, user_id=cast.admin.pk, role="owner")
    start = Barrier(2)

    def leave(person):
        connection.ensure_connection()
        start.wait(timeout=30)
        try:
            remove_member(actor=person, team_id=cast.team.pk, user_id=person.pk)
        except LastOwner:
            return "stays"
        finally:
            connection.close()
        return "left"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, (cast.owner, cast.admin))) == ["left", "stays"]
    assert TeamMember.objects.filter(team=cast.team, role="owner").count() == 1


def test_people_are_read_one_by_one_where_they_are_known(api, cast):
    client = api(cast.guest)

    assert client.get(f"/api/users/{cast.owner.pk}/").json()["username"] == "olga"
    hidden, absent = client.get(f"/api/users/{cast.outsider.pk}/"), client.get("/api/users/999999/")
    assert hidden.status_code == 404 and hidden.content == absent.content
