"""A session holds only while its row says so, at every door."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.users.models import Session, User
from apps.users.services.sessions import sign_out
from apps.users.tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga():
    return make_user("olga", is_staff=True)


def end(olga):
    sign_out(actor=olga, sid=Session.objects.get().sid)


def idle_out(olga):
    Session.objects.update(idle_until=timezone.now() - timedelta(minutes=1))


def run_out(olga):
    Session.objects.update(expires_at=timezone.now() - timedelta(minutes=1))


def deactivate(olga):
    User.objects.update(is_active=False)


def forget(olga):
    Session.objects.all().delete()


ENDINGS = [end, idle_out, run_out, deactivate, forget]


@pytest.mark.parametrize("happens", ENDINGS)
def test_the_api_refuses_a_token_at_once(api, olga, happens):
    client = api(olga)
    assert client.get("/api/users/me/").status_code == 200

    happens(olga)

    answer = client.get("/api/users/me/")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert answer["WWW-Authenticate"] == 'Bearer realm="daybook"'


@pytest.mark.parametrize("happens", ENDINGS)
def test_a_page_asks_to_sign_in_again_at_once(browser, olga, happens):
    machine = browser(olga)
    assert machine.get("/admin/").status_code == 200

    happens(olga)

    answer = machine.get("/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/sign-in/?next=/admin/", 302)


def test_a_stranger_gets_401_with_the_way_to_sign_in(api, db):
    answer = api().get("/api/users/me/")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="daybook"'
    assert answer["Content-Type"] == "application/problem+json"


def test_asking_costs_one_query(api, olga, django_assert_num_queries):
    client = api(olga)

    with django_assert_num_queries(1):
        client.get("/api/users/me/")


def test_a_cookie_that_somebody_forged_is_nobodys(browser, olga):
    machine = browser(olga)
    machine.cookies["session"] = machine.cookies["session"].value[:-2] + "xx"

    assert machine.get("/api/users/me/").status_code == 401


def test_the_cookie_needs_a_csrf_token_to_change_anything_by_api(browser, olga):
    machine = browser(olga, enforce_csrf_checks=True)

    answer = machine.post("/api/teams/", {"name": "Lantern"}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_a_token_that_may_only_read_changes_nothing(api, olga):
    client = api(olga)
    Session.objects.update(scope="read")

    assert client.get("/api/users/me/").status_code == 200
    answer = client.post("/api/teams/", {"name": "Lantern"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_too_narrow")


def test_use_is_noted_every_few_minutes_and_not_at_each_request(browser, olga, django_assert_num_queries):
    machine = browser(olga)
    hour_ago = timezone.now() - timedelta(hours=1)
    Session.objects.update(last_used_at=hour_ago, idle_until=hour_ago + timedelta(hours=2))
    with django_assert_num_queries(1):
        machine.get("/api/users/me/")
    assert Session.objects.get().last_used_at == hour_ago

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        machine.get("/api/users/me/")
        with django_assert_num_queries(1):
            machine.get("/api/users/me/")

    session = Session.objects.get()
    assert session.last_used_at > hour_ago
    assert session.idle_until - session.last_used_at == timedelta(days=14)


def test_django_s_own_session_keys_sign_nobody_in(olga):
    client = Client()
    client.force_login(olga)

    assert client.get("/api/users/me/").status_code == 401
