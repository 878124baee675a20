"""A new password: by a mailed link, or by the present one."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.common.errors import TooManyRequests
from apps.users.models import AccountLink, AccountMail, RateLimit, Session, User
from apps.users.services.links import LinkNotGood
from apps.users.services.passwords import request_password_reset, reset_password
from apps.users.services.sessions import begin_session
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import PASSWORD, make_session, make_user
from apps.users.tests.mailbox import mails_to, path_mailed_to, secret_mailed_to, send_all

pytestmark = pytest.mark.django_db

NEW = "quiet paper lantern seven"
OLGA = "olga@lantern.example"


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD)


def ask(api, email=OLGA):
    return api().post("/api/auth/password-reset/", {"email": email}, format="json")


def test_a_mailed_link_sets_a_new_password_and_signs_out_everywhere(api, olga):
    session = make_session(olga)
    assert ask(api).status_code == 202
    body = {"token": secret_mailed_to(OLGA), "password": NEW}

    assert api().post("/api/auth/password-reset/confirm/", body, format="json").status_code == 204

    session.refresh_from_db()
    assert session.ended_because == "password reset"
    olga.refresh_from_db()
    assert olga.check_password(NEW) and olga.email_verified_at is not None
    assert facts("user.updated") == [{"user": olga.pk, "fields": ["email_verified", "password"]}]
    assert [name for _, name in types_of(olga)][-2:] == ["user.updated", "user.signed_out"]
    assert mails_to(OLGA) == ["Set a new password", "Your password was changed"]


def test_the_answer_is_the_same_for_an_address_that_is_nobody_s(api, olga, django_assert_num_queries):
    User.objects.filter(pk=make_user("gone").pk).update(is_active=False)
    with django_assert_num_queries(6):
        known = ask(api)
    with django_assert_num_queries(6):
        unknown = ask(api, "nobody@lantern.example")
    inactive = ask(api, "gone@lantern.example")

    assert known.status_code == unknown.status_code == inactive.status_code == 202
    assert known.content == unknown.content == inactive.content
    assert send_all() == ["sent", "skipped", "skipped"] and AccountLink.objects.count() == 1


def test_a_reset_link_works_once(api, olga):
    ask(api)
    secret = secret_mailed_to(OLGA)
    reset_password(secret=secret, password=NEW)

    with pytest.raises(LinkNotGood):
        reset_password(secret=secret, password=NEW)


def test_using_one_link_ends_the_others(api, olga):
    ask(api)
    first = secret_mailed_to(OLGA)
    ask(api)
    second = secret_mailed_to(OLGA)
    reset_password(secret=second, password=NEW)

    with pytest.raises(LinkNotGood):
        reset_password(secret=first, password=NEW)


def test_a_reset_link_ends_after_an_hour(api, olga):
    ask(api)
    secret = secret_mailed_to(OLGA)

    with (
        time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)),
        pytest.raises(LinkNotGood),
    ):
        reset_password(secret=secret, password=NEW)


@pytest.mark.parametrize("happens", ["deactivated", "another address"])
def test_a_link_is_good_for_the_account_it_was_made_for_as_it_was(api, olga, happens):
    ask(api)
    secret = secret_mailed_to(OLGA)
    User.objects.update(
        **{"is_active": False} if happens == "deactivated" else {"email": "new@lantern.example"}
    )

    with pytest.raises(LinkNotGood):
        reset_password(secret=secret, password=NEW)


def test_a_password_that_is_too_weak_does_not_spend_the_link(client, api, olga):
    ask(api)
    path = path_mailed_to(OLGA)

    refused = client.post(path, {"password": "short"})
    taken = client.post(path, {"password": NEW})

    assert (refused.status_code, taken.status_code, taken["Location"]) == (422, 302, "/sign-in/")
    assert "Your password is set" in client.get("/sign-in/").content.decode()


def test_looking_at_the_page_changes_nothing_and_signs_nobody_in(client, api, olga):
    ask(api)
    path = path_mailed_to(OLGA)

    assert client.get(path).status_code == client.get(path).status_code == 200
    client.post(path, {"password": NEW})
    assert not Session.objects.exists()


def test_a_used_link_leads_to_a_page_that_says_so(client, api, olga):
    ask(api)
    path = path_mailed_to(OLGA)
    client.post(path, {"password": NEW})

    answer = client.get(path)
    assert answer.status_code == 404 and "no longer good" in answer.content.decode()
    assert client.get("/reset-password/nonsense/").status_code == 404


def test_the_link_is_in_no_table(api, olga):
    ask(api)
    secret = secret_mailed_to(OLGA)

    assert secret.encode() not in bytes(AccountLink.objects.get().digest)
    assert secret not in str(list(AccountMail.objects.values()))


def test_one_address_is_mailed_three_links_and_then_one_every_ten_minutes(api, olga):
    answers = [ask(api) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 600 and answers[-1].json()["code"] == "too_many_requests"
    assert AccountMail.objects.count() == 3
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)):
        assert ask(api).status_code == 202


def test_a_refusal_writes_nothing(olga):
    for _ in range(3):
        request_password_reset(email=OLGA, address="192.0.2.1")
    before = list(RateLimit.objects.order_by("key").values())

    with pytest.raises(TooManyRequests):
        request_password_reset(email=OLGA, address="192.0.2.1")

    assert list(RateLimit.objects.order_by("key").values()) == before


def test_the_page_to_ask_for_a_link_says_the_same_for_everybody(client, olga):
    pages = [
        client.post("/forgot-password/", {"email": email}).content.decode().replace(email, "X")
        for email in (OLGA, "nobody@lantern.example")
    ]
    assert pages[0] == pages[1] and "Look at your mail" in pages[0]


# With the present password


def change(client, current=PASSWORD, new=NEW):
    body = {"current_password": current, "password": new}
    return client.post("/api/users/me/password/", body, format="json")


def test_the_present_password_changes_it_and_ends_every_other_sign_in(api, olga):
    other, client = begin_session(actor=olga), api(olga)

    assert change(client).status_code == 204

    other.refresh_from_db()
    assert other.ended_because == "password changed"
    assert client.get("/api/users/me/").status_code == 200
    assert User.objects.get().check_password(NEW)
    assert facts("user.updated") == [{"user": olga.pk, "fields": ["password"]}]
    assert mails_to(OLGA) == ["Your password was changed"]


@pytest.mark.parametrize(
    ("current", "new", "pointer"), [("wrong", NEW, "/current_password"), (PASSWORD, "short", "/password")]
)
def test_a_refused_change_says_why_and_changes_nothing(api, olga, current, new, pointer):
    answer = change(api(olga), current, new)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert User.objects.get().check_password(PASSWORD) and facts("user.updated") == []


def test_guessing_the_present_password_from_an_open_session_is_limited(api, olga):
    client = api(olga)

    assert {change(client, "wrong").status_code for _ in range(10)} == {400}
    assert change(client).status_code == 429
