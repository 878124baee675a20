"""Where one is signed in: seen, ended one by one, ended everywhere."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.users.models import Session
from apps.users.services.sessions import begin_session
from apps.users.services.sign_in_limits import Place
from apps.users.tests.events import facts
from apps.users.tests.factories import PASSWORD, make_session, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD)


def listed(client):
    return client.get("/api/auth/sessions/").json()["results"]


def test_the_list_shows_what_holds_and_which_one_is_this(api, olga):
    client = api(olga)
    web = begin_session(actor=olga, place=Place(address="192.0.2.7", user_agent="Firefox"))
    over = begin_session(actor=olga)
    Session.objects.filter(sid=over.sid).update(idle_until=timezone.now() - timedelta(seconds=1))
    make_session(make_user("ben"))

    rows = listed(client)

    assert {row["id"]: row["is_current"] for row in rows} == {
        str(web.sid): False,
        str(Session.objects.get(user=olga, kind="api").sid): True,
    }
    shown = next(row for row in rows if row["id"] == str(web.sid))
    assert (shown["address"], shown["user_agent"], shown["kind"]) == ("192.0.2.7", "Firefox", "web")


def test_ending_one_ends_it_at_once(api, olga):
    here, there = api(olga), api(olga)
    sid = next(row["id"] for row in listed(there) if row["is_current"])

    assert here.delete(f"/api/auth/sessions/{sid}/").status_code == 204

    assert there.get("/api/users/me/").json()["code"] == "session_ended"
    assert here.get("/api/users/me/").status_code == 200
    assert here.delete(f"/api/auth/sessions/{sid}/").status_code == 404


def test_nobody_ends_a_session_of_somebody_else(api, olga):
    theirs = make_session(make_user("ben"))

    assert api(olga).delete(f"/api/auth/sessions/{theirs.sid}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.ended_at is None


@pytest.mark.parametrize(("keep", "left"), [(True, 1), (False, 0)])
def test_signing_out_everywhere_states_one_fact_for_each(api, olga, keep, left):
    client = api(olga)
    for _ in range(2):
        make_session(olga)
    theirs = make_session(make_user("ben"))

    answer = client.post("/api/auth/logout-everywhere/", {"keep_current": keep}, format="json")

    assert answer.status_code == 204
    assert Session.objects.filter(user=olga, ended_at=None).count() == left
    assert len(facts("user.signed_out")) == 3 - left
    assert client.get("/api/users/me/").status_code == (200 if keep else 401)
    theirs.refresh_from_db()
    assert theirs.ended_at is None


def test_a_sign_in_gets_a_new_id_each_time(client, olga):
    form = {"login": "olga", "password": PASSWORD}
    client.post("/sign-in/", form)
    client.post("/sign-in/", form)

    assert Session.objects.count() == 2
