"""The second step: asked at every door, off only with a code, and each code is good once."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.users.models import RecoveryCode, SecondFactor, Session
from apps.users.services.passwords import change_password
from apps.users.services.second_factor import begin_second_factor, confirm_second_factor, take_code
from apps.users.services.step_up import Proof
from apps.users.tests.authenticator import Authenticator, with_second_factor
from apps.users.tests.events import facts
from apps.users.tests.factories import PASSWORD, make_user
from apps.users.tests.mailbox import mails_to, path_mailed_to

pytestmark = pytest.mark.django_db

NEW = "quiet paper lantern seven"
FACTOR = "/api/users/me/second-factor/"


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD, is_staff=True)


@pytest.fixture
def app(olga):
    return with_second_factor(olga)[0]


def login(api):
    return api().post("/api/auth/login/", {"login": "olga", "password": PASSWORD}, format="json")


def second_step(api, challenge, code):
    body = {"challenge": challenge, "code": code}
    return api().post("/api/auth/login/second-step/", body, format="json")


def wrong(app):
    return f"{(int(app.code()) + 1) % 1_000_000:06}"


def test_switching_it_on_takes_the_password_and_a_code_and_shows_recovery_codes_once(api, olga):
    client = api(olga)
    made = client.post(FACTOR).json()
    app = Authenticator(made["secret"])
    assert made["address"].startswith("otpauth://totp/") and client.get(FACTOR).json()["is_on"] is False

    def confirm(password, code):
        return client.post(f"{FACTOR}confirm/", {"current_password": password, "code": code}, format="json")

    assert confirm("wrong", app.code()).json()["errors"][0]["pointer"] == "/current_password"
    assert confirm(PASSWORD, wrong(app)).json()["errors"][0]["pointer"] == "/code"
    codes = confirm(PASSWORD, app.code()).json()["recovery_codes"]

    assert len(set(codes)) == 10 and all(
        re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code) for code in codes
    )
    assert client.get(FACTOR).json() == {"is_on": True, "recovery_codes_left": 10}
    assert facts("user.updated")[-1] == {"user": olga.pk, "fields": ["second_factor"]}
    assert mails_to(olga.email) == ["Signing in takes a second step now"]
    assert client.post(FACTOR).json()["code"] == "second_factor_on"


def test_neither_secret_nor_codes_stand_in_the_tables(olga):
    secret = begin_second_factor(actor=olga).secret
    codes = confirm_second_factor(actor=olga, code=Authenticator(secret).code())

    assert secret.encode() not in bytes(SecondFactor.objects.get().sealed_secret)
    assert codes[0].encode() not in b"".join(bytes(row.digest) for row in RecoveryCode.objects.all())


def test_the_api_gives_tokens_for_password_and_code_alone(api, app):
    first = login(api)
    assert (first.status_code, first.json()["code"]) == (401, "second_step_needed")
    assert not Session.objects.exists() and "access" not in first.json()

    refused = second_step(api, first.json()["challenge"], wrong(app))
    taken = second_step(api, first.json()["challenge"], app.code())

    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_code")
    assert taken.status_code == 200 and taken.json()["access"]
    assert [fact["reason"] for fact in facts("user.sign_in_failed")] == ["wrong_code"]


def test_the_page_and_with_it_the_admin_site_ask_for_the_code(client, app):
    first = client.post("/sign-in/", {"login": "olga", "password": PASSWORD, "next": "/admin/"})
    assert first["Location"] == "/sign-in/second-step/?next=%2Fadmin%2F"
    assert client.get("/admin/").status_code == 302 and not Session.objects.exists()

    assert client.post(first["Location"], {"code": wrong(app), "next": "/admin/"}).status_code == 422
    done = client.post(first["Location"], {"code": app.code(), "next": "/admin/"})

    assert (done.status_code, done["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_a_new_password_by_mail_does_not_go_round_it(client, api, olga, app):
    api().post("/api/auth/password-reset/", {"email": olga.email}, format="json")
    client.post(path_mailed_to(olga.email), {"password": NEW})
    assert not Session.objects.exists()

    answer = client.post("/sign-in/", {"login": "olga", "password": NEW})

    assert answer["Location"].startswith("/sign-in/second-step/") and not Session.objects.exists()


def test_django_s_own_authenticate_lets_nobody_in(olga):
    assert Client().login(username="olga@lantern.example", password=PASSWORD) is False


def test_a_code_is_good_once(api, app):
    code = app.code()
    assert second_step(api, login(api).json()["challenge"], code).status_code == 200

    assert second_step(api, login(api).json()["challenge"], code).json()["code"] == "wrong_code"


def test_a_phone_may_be_half_a_minute_off_and_no_more(olga):
    app = Authenticator(begin_second_factor(actor=olga).secret)
    confirm_second_factor(actor=olga, code=app.code(-1))

    assert not take_code(olga, app.code(2))
    assert take_code(olga, app.code(1))
    assert not take_code(olga, app.code(0))  # older than one that was taken


def test_a_recovery_code_stands_in_once(api, olga):
    _, codes = with_second_factor(olga)
    given = codes[0].upper().replace("-", " ")

    assert second_step(api, login(api).json()["challenge"], given).status_code == 200
    assert second_step(api, login(api).json()["challenge"], given).status_code == 401
    assert api(olga).get(FACTOR).json()["recovery_codes_left"] == 9


def test_a_challenge_ends_after_five_minutes_and_with_the_password(api, olga, app):
    challenge = login(api).json()["challenge"]
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=2)):
        assert second_step(api, challenge, app.code()).json()["code"] == "challenge_over"

    change_password(actor=olga, proof=Proof(PASSWORD, app.code()), password=NEW)
    assert second_step(api, challenge, app.code(1)).json()["code"] == "challenge_over"


def test_a_challenge_of_the_api_does_not_open_the_page_nor_one_made_up(api, client, app):
    from apps.users.services.sessions import ChallengeOver, finish_sign_in

    with pytest.raises(ChallengeOver):
        finish_sign_in(challenge=login(api).json()["challenge"], code=app.code())
    assert second_step(api, "made-up", app.code()).json()["code"] == "challenge_over"
    assert client.get("/sign-in/second-step/")["Location"] == "/sign-in/"


def test_guessing_codes_is_limited(api, app):
    challenge = login(api).json()["challenge"]

    statuses = [second_step(api, challenge, wrong(app)).status_code for _ in range(6)]

    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize("what", ["disable", "recovery-codes"])
def test_changing_it_takes_password_and_code(api, olga, app, what):
    client = api(olga)

    def ask(**body):
        return client.post(f"{FACTOR}{what}/", body, format="json")

    assert ask(current_password=PASSWORD).json()["errors"][0]["pointer"] == "/code"
    assert (
        ask(current_password="wrong", code=app.code()).json()["errors"][0]["pointer"] == "/current_password"
    )
    assert client.get(FACTOR).json()["is_on"] is True
    assert ask(current_password=PASSWORD, code=app.code()).status_code in (200, 204)
    assert client.get(FACTOR).json()["is_on"] is (what == "recovery-codes")


def test_with_it_on_a_password_changes_only_with_a_code(api, olga, app):
    client, body = api(olga), {"current_password": PASSWORD, "password": NEW}

    assert client.post("/api/users/me/password/", body, format="json").status_code == 400
    assert (
        client.post("/api/users/me/password/", body | {"code": app.code()}, format="json").status_code == 204
    )


def test_without_its_key_nobody_gets_in_at_all(api, olga, app, settings):
    code = app.code()
    settings.SECRET_KEY = "another-" + "0123456789abcdef" * 4
    from apps.users.services.second_factor import SecretUnreadable

    with pytest.raises(SecretUnreadable):
        take_code(olga, code)
