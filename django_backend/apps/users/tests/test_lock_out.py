"""Guessing passwords is refused early, at every door alike, and can't be used to keep an account's owner out."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.users.models import RateLimit, Session
from apps.users.services.limits import REGISTER
from apps.users.services.sign_in_limits import ACCOUNT, PAIR
from apps.users.tests.counting_hasher import CountingHasher
from apps.users.tests.events import facts
from apps.users.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

OWNERS, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD)


def by_api(client, name="olga", password="wrong horse", address=ELSEWHERE):
    body = {"login": name, "password": password}
    return client.post("/api/auth/login/", body, content_type="application/json", REMOTE_ADDR=address)


def by_page(client, name="olga", password="wrong horse", address=ELSEWHERE):
    return client.post("/sign-in/", {"login": name, "password": password}, REMOTE_ADDR=address)


def use_up(client, name="olga", address=ELSEWHERE):
    return [by_api(client, name, address=address).status_code for _ in range(PAIR.burst)]


def use_up_the_account(client, name="olga"):
    """From so many places that the account's own allowance is gone."""
    for place in range(ACCOUNT.burst // PAIR.burst):
        use_up(client, name, f"203.0.113.{place}")


def test_after_five_wrong_passwords_the_right_one_is_refused_too_without_a_hash(client, olga, settings):
    settings.PASSWORD_HASHERS = ["apps.users.tests.counting_hasher.CountingHasher"]
    assert use_up(client) == [401] * 5
    CountingHasher.done.clear()

    answer = by_api(client, password=PASSWORD)

    assert (answer.status_code, answer.json()["code"], CountingHasher.done) == (429, "too_many_requests", [])
    assert 0 < int(answer["Retry-After"]) <= 180 and answer.json()["retry_after"] == int(
        answer["Retry-After"]
    )


def test_the_doors_share_one_count(client, olga):
    for door in (by_api, by_page, by_api, by_page, by_api):
        door(client)

    page = by_page(client, password=PASSWORD)
    assert (by_api(client).status_code, page.status_code) == (429, 429)
    assert page["Retry-After"] and "tried too often" in page.content.decode()
    assert client.get("/admin/login/")["Location"].startswith("/sign-in/")


def test_a_name_that_nobody_has_is_refused_as_early_and_alike(client, olga):
    known, unknown = (
        [by_api(client, name, address=address) for _ in range(PAIR.burst + 1)]
        for name, address in (("olga", ELSEWHERE), ("nobody", "198.51.100.10"))
    )

    def seen(answers):
        return [(answer.status_code, answer.json()["code"]) for answer in answers]

    assert seen(known) == seen(unknown)


def test_two_names_of_one_account_don_t_betray_each_other(client, olga):
    use_up(client, "olga")

    assert by_api(client, "olga@lantern.example").status_code == 401


def test_one_more_try_comes_back_every_three_minutes(client, olga):
    use_up(client)

    with time_machine.travel(timezone.now() + timedelta(minutes=3, seconds=1)):
        assert [by_api(client).status_code for _ in range(2)] == [401, 429]


def test_signing_in_starts_the_count_anew(client, olga):
    for _ in range(PAIR.burst - 1):
        by_api(client)
    assert by_api(client, password=PASSWORD).status_code == 200

    assert use_up(client) == [401] * 5


def test_one_s_own_account_does_not_reset_what_the_address_has_used(client, olga):
    make_user("mallory", password=PASSWORD)
    statuses = []
    for number in range(60):
        statuses.append(by_api(client, f"victim{number}", address=ELSEWHERE).status_code)
        if number % 4 == 0:
            by_api(client, "mallory", PASSWORD, address=ELSEWHERE)

    assert 429 in statuses


def test_strangers_who_use_up_the_account_are_shut_out_themselves(client, olga):
    use_up_the_account(client)

    assert by_api(client, address="203.0.113.200").status_code == 429


def test_the_owner_gets_in_from_an_address_they_use(client, olga):
    assert by_api(client, password=PASSWORD, address=OWNERS).status_code == 200
    use_up_the_account(client)

    assert by_api(client, password=PASSWORD, address=OWNERS).status_code == 200


def test_the_owner_gets_in_from_a_browser_they_use_wherever_it_is(client, olga):
    browser = Client()
    assert by_page(browser, password=PASSWORD, address=OWNERS).status_code == 302
    cookie = browser.cookies["device"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    use_up_the_account(client)
    use_up(client, address="203.0.113.250")  # the network the browser is in today has a guesser in it

    assert by_api(client, password=PASSWORD, address="203.0.113.250").status_code == 429
    assert by_page(browser, password=PASSWORD, address="203.0.113.250").status_code == 302


def test_a_browser_somebody_else_signed_in_from_is_no_known_place(client, olga):
    make_user("mallory", password=PASSWORD)
    theirs = Client()
    by_page(theirs, "mallory", PASSWORD, address=ELSEWHERE)
    use_up_the_account(client)

    assert by_page(theirs, "olga", PASSWORD, address=ELSEWHERE).status_code == 429


def test_a_device_cookie_that_somebody_forged_is_none(client, olga):
    browser = Client()
    by_page(browser, password=PASSWORD, address=OWNERS)
    forged = Client()
    forged.cookies["device"] = browser.cookies["device"].value[:-2] + "xx"
    use_up_the_account(client)

    assert by_page(forged, password=PASSWORD, address=ELSEWHERE).status_code == 429


def test_the_addresses_of_one_household_count_as_one(client, olga):
    for number in range(PAIR.burst):
        by_api(client, address=f"2001:db8::{number:x}")

    assert by_api(client, address="2001:db8::ffff").status_code == 429
    assert by_api(client, address="2001:db8:0:1::1").status_code == 401


def test_failures_are_facts_and_refusals_are_told_of_once_in_ten_minutes(client, olga):
    use_up(client)
    rows = RateLimit.objects.count()
    by_api(client)
    told = RateLimit.objects.count()
    for _ in range(20):
        by_api(client)

    reasons = [fact["reason"] for fact in facts("user.sign_in_failed")]
    assert reasons == ["wrong_password"] * 5 + ["throttled"]
    assert (told, RateLimit.objects.count()) == (rows + 1, rows + 1)


def test_a_refusal_costs_reads_alone(client, olga, django_assert_num_queries):
    use_up(client)
    by_api(client)

    with django_assert_num_queries(4) as queries:
        by_api(client)

    assert all(query["sql"].startswith("SELECT") for query in queries)


@pytest.mark.django_db(transaction=True)
def test_of_many_tries_at_once_no_more_get_through_than_the_allowance_holds():
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    from apps.common.errors import TooManyRequests
    from apps.users.services.sessions import WrongCredentials, sign_in

    make_user("olga", password=PASSWORD)

    def guess(_):
        try:
            sign_in(login="olga", password="wrong horse")
        except TooManyRequests:
            return "refused"
        except WrongCredentials:
            return "tried"
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(guess, range(24)))

    assert outcomes.count("tried") == PAIR.burst


def test_registration_is_limited_by_address(client, settings):
    settings.REGISTRATION = "open"
    body = {"username": "x", "display_name": "X", "password": "short", "email": "x"}
    answers = [
        client.post("/api/auth/register/", body, content_type="application/json")
        for _ in range(REGISTER.burst + 1)
    ]

    assert {answer.status_code for answer in answers[:-1]} == {400}
    assert answers[-1].status_code == 429 and answers[-1]["Retry-After"]


def test_refreshing_is_limited_by_family(api, olga):
    pair = api().post("/api/auth/login/", {"login": "olga", "password": PASSWORD}, format="json").json()
    statuses = []
    for _ in range(21):
        answer = api().post("/api/auth/refresh/", {"refresh": pair["refresh"]}, format="json")
        statuses.append(answer.status_code)
        pair = answer.json() if answer.status_code == 200 else pair

    assert statuses == [200] * 20 + [429] and Session.objects.get().ended_at is None


# Behind a proxy


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "192.0.2.1", "127.0.0.1"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "10.0.0.1, 192.0.2.1", "192.0.2.1"),
        (2, "10.0.0.1, 192.0.2.1, 172.16.0.1", "192.0.2.1"),
        (2, "192.0.2.1", None),
        (1, "nonsense", None),
        (1, "", None),
    ],
)
def test_an_address_is_what_our_own_proxies_saw(rf, settings, proxies, forwarded, seen):
    from apps.common.auth.client import address_of

    settings.PROXY_COUNT = proxies

    assert address_of(rf.get("/", HTTP_X_FORWARDED_FOR=forwarded)) == seen
