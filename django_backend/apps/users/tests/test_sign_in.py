"""Signing in and out, at the API's door and the page's."""

from http.cookies import SimpleCookie

import jwt
import pytest
from django.test import Client

from apps.common.auth.keys import load_keys
from apps.users.models import Session, User
from apps.users.services.sessions import WrongCredentials, begin_session, sign_in, sign_out
from apps.users.tests.counting_hasher import CountingHasher
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD)


def login(client, name="olga", password=PASSWORD):
    return client.post("/api/auth/login/", {"login": name, "password": password}, format="json")


@pytest.mark.parametrize("name", ["olga", "OLGA", "olga@lantern.example", "Olga@Lantern.Example"])
def test_signing_in_takes_the_user_name_or_the_address_without_case(api, olga, name):
    answer = login(api(), name)

    assert answer.status_code == 200 and answer.json()["expires_in"] == 900
    assert answer["Cache-Control"].startswith("max-age=0")


def test_a_sign_in_makes_one_session_and_states_one_fact(api, olga):
    access = login(api()).json()["access"]

    session = Session.objects.get()
    claims = jwt.decode(access, options={"verify_signature": False})
    assert (claims["sid"], claims["sub"]) == (str(session.sid), str(olga.public_id))
    assert (session.kind, session.address) == ("api", "127.0.0.1")
    assert facts("user.signed_in") == [{"user": olga.pk, "session": str(session.sid), "kind": "api"}]
    assert types_of(olga) == [(1, "user.registered"), (2, "user.signed_in")]
    assert User.objects.get().last_login == session.started_at


def test_an_access_token_is_of_its_kind_and_carries_no_rights(api, olga):
    access = login(api()).json()["access"]

    assert jwt.get_unverified_header(access) == {
        "alg": "RS256",
        "typ": "at+jwt",
        "kid": load_keys().signing_kid,
    }
    claims = jwt.decode(access, options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "sub", "sid", "exp", "iat", "jti", "token_type"}
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == (
        "http://127.0.0.1:8000",
        "daybook",
        900,
    )


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("olga", "wrong horse", "wrong_password"),
        ("olga", PASSWORD + "x" * 2000, "wrong_password"),
        ("nobody", PASSWORD, "unknown_account"),
        ("nul\x00", PASSWORD, "unknown_account"),
    ],
)
def test_a_failed_sign_in_is_written_down_and_answers_alike(olga, name, password, reason):
    with pytest.raises(WrongCredentials) as refusal:
        sign_in(login=name, password=password, kind="api")

    assert refusal.value.problem_code == "wrong_credentials"
    known = olga.pk if reason == "wrong_password" else None
    assert facts("user.sign_in_failed") == [{"user": known, "reason": reason, "kind": "api"}]
    assert not Session.objects.exists()


def test_somebody_deactivated_is_answered_like_a_stranger(api, olga):
    User.objects.update(is_active=False)

    inactive, unknown = login(api()), login(api(), "nobody")

    assert inactive.status_code == 401 and inactive.json() == unknown.json()
    assert [fact["reason"] for fact in facts("user.sign_in_failed")] == ["inactive", "unknown_account"]


@pytest.mark.django_db(transaction=True)
def test_a_failure_stays_written_when_the_answer_is_an_error(api, as_owner):
    assert login(api()).status_code == 401

    assert as_owner.execute("SELECT count(*) FROM event WHERE type = 'user.sign_in_failed'").fetchone() == (
        1,
    )


@pytest.mark.parametrize("name", ["olga", "nobody", "gone", "unusable"])
def test_every_answer_costs_one_hash(settings, olga, name):
    make_user("gone", password=PASSWORD)
    make_user("unusable")
    User.objects.filter(username="gone").update(is_active=False)
    settings.PASSWORD_HASHERS = ["apps.users.tests.counting_hasher.CountingHasher"]
    CountingHasher.done.clear()

    with pytest.raises(WrongCredentials):
        sign_in(login=name, password="wrong horse")

    assert CountingHasher.done == ["hash"]


def test_signing_out_ends_the_session_and_states_it_once(olga):
    session = begin_session(actor=olga)

    sign_out(actor=olga, sid=session.sid)
    sign_out(actor=olga, sid=session.sid)

    assert facts("user.signed_out") == [{"user": olga.pk, "session": str(session.sid), "kind": "web"}]
    session.refresh_from_db()
    assert session.ended_at is not None and session.ended_because == "signed out"


def test_nobody_ends_another_persons_session(olga):
    session = begin_session(actor=olga)

    sign_out(actor=make_user("mallory"), sid=session.sid)

    session.refresh_from_db()
    assert session.ended_at is None and facts("user.signed_out") == []


def test_logout_takes_the_refresh_token_or_the_access_token(api, olga):
    by_refresh, by_access = login(api()).json(), login(api()).json()

    first = api().post("/api/auth/logout/", {"refresh": by_refresh["refresh"]}, format="json")
    second = api().post("/api/auth/logout/", HTTP_AUTHORIZATION=f"Bearer {by_access['access']}")
    neither = api().post("/api/auth/logout/")

    assert [first.status_code, second.status_code, neither.status_code] == [204, 204, 401]
    assert neither["WWW-Authenticate"] == 'Bearer realm="daybook"'
    assert not Session.objects.filter(ended_at=None).exists()


# The page


def test_the_form_signs_in_and_goes_where_it_was_asked_to(client: Client, olga):
    answer = client.post("/sign-in/", {"login": "olga", "password": PASSWORD, "next": "/tasks/7/"})

    assert (answer.status_code, answer["Location"]) == (302, "/tasks/7/")
    assert Session.objects.get().kind == "web"
    cookie = answer.cookies["session"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "tasks", ""],
)
def test_the_form_never_leads_to_another_site(client: Client, olga, wanted):
    answer = client.post("/sign-in/", {"login": "olga", "password": PASSWORD, "next": wanted})

    assert answer.status_code == 302 and answer["Location"] == "/tasks/"


def test_a_refused_form_says_so_and_keeps_the_name(client: Client, olga):
    answer = client.post("/sign-in/", {"login": "olga", "password": "wrong"})

    assert answer.status_code == 422
    page = answer.content.decode()
    assert (
        "That name and password don&#x27;t match" in page and 'value="olga"' in page and "wrong" not in page
    )
    assert "session" not in answer.cookies


def test_signing_in_drops_what_the_cookie_held_before(browser, olga):
    ben = make_user("ben")
    machine = browser(ben)
    before = machine.cookies["session"].value

    machine.post("/sign-in/", {"login": "olga", "password": PASSWORD})

    assert machine.cookies["session"].value != before
    assert machine.get("/api/users/me/").json()["username"] == "olga"


def test_the_forms_need_the_csrf_token(olga):
    strict = Client(enforce_csrf_checks=True)

    assert strict.post("/sign-in/", {"login": "olga", "password": PASSWORD}).status_code == 403
    assert not Session.objects.exists()


def test_signing_out_by_the_page_needs_post_and_ends_the_session_everywhere(browser, olga):
    machine = browser(olga)
    stolen = SimpleCookie(machine.cookies.output(header="", sep=";"))

    assert machine.get("/sign-out/").status_code == 405
    assert machine.post("/sign-out/")["Location"] == "/sign-in/"

    thief = Client()
    thief.cookies = stolen
    answer = thief.get("/api/users/me/")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
