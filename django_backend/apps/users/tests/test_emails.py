"""Addresses are proved by a mailed link, and change only by one."""

import pytest
from django.utils import timezone

from apps.common.errors import Invalid
from apps.users.models import AccountMail, User
from apps.users.services.emails import change_email, verify_email
from apps.users.services.links import LinkNotGood
from apps.users.tests.events import facts
from apps.users.tests.factories import PASSWORD, make_user
from apps.users.tests.mailbox import mails_to, path_mailed_to, secret_mailed_to, send_all

pytestmark = pytest.mark.django_db

PRIYA = {
    "email": "priya@lantern.example",
    "username": "priya",
    "display_name": "Priya Nair",
    "password": PASSWORD,
}
NEW = "priya@harbour.example"


@pytest.fixture
def priya():
    return make_user("priya", password=PASSWORD)


def ask(client, email=NEW, password=PASSWORD):
    body = {"email": email, "current_password": password}
    return client.post("/api/users/me/email/", body, format="json")


def test_registering_mails_a_link_that_verifies_the_address(client, api, settings):
    settings.REGISTRATION = "open"
    assert api().post("/api/auth/register/", PRIYA, format="json").json()["email_verified"] is False

    path = path_mailed_to(PRIYA["email"])
    assert PRIYA["email"] in client.get(path).content.decode()
    assert User.objects.get().email_verified_at is None
    assert client.post(path).status_code == 302

    user = User.objects.get()
    assert user.email_verified_at is not None
    assert facts("user.updated") == [{"user": user.pk, "fields": ["email_verified"]}]
    assert client.get(path).status_code == 404


def test_the_link_can_be_mailed_again_until_it_was_used(api, priya):
    client = api(priya)
    assert client.post("/api/users/me/verification/").status_code == 202
    verify_email(secret=secret_mailed_to(priya.email))

    answer = client.post("/api/users/me/verification/")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_verified")


def test_an_address_changes_once_its_own_link_was_used(api, client, priya):
    assert ask(api(priya)).status_code == 202
    assert User.objects.get().email == "priya@lantern.example"

    client.post(path_mailed_to(NEW))

    user = User.objects.get()
    assert user.email == NEW and user.email_verified_at is not None
    assert facts("user.updated") == [{"user": user.pk, "fields": ["email", "email_verified"]}]
    assert mails_to("priya@lantern.example") == ["Your address was changed"]


def test_events_tell_of_no_address(api, client, priya):
    ask(api(priya))
    client.post(path_mailed_to(NEW))

    assert "@" not in str(facts())


def test_an_address_of_somebody_else_answers_alike_and_is_mailed_nothing(api, priya):
    make_user("olga")

    answers = [ask(api(priya), email) for email in ("olga@lantern.example", "free@lantern.example")]

    assert answers[0].status_code == answers[1].status_code == 202
    assert answers[0].content == answers[1].content
    assert send_all() == ["skipped", "sent"]


def test_an_address_that_somebody_took_meanwhile_is_refused(api, priya):
    ask(api(priya))
    secret = secret_mailed_to(NEW)
    User.objects.filter(pk=make_user("olga").pk).update(email=NEW.upper())

    with pytest.raises(Invalid):
        change_email(secret=secret)
    assert User.objects.get(username="priya").email == "priya@lantern.example"


def test_a_newer_wish_replaces_the_former(api, priya):
    ask(api(priya))
    former = secret_mailed_to(NEW)
    ask(api(priya), "priya@third.example")

    with pytest.raises(LinkNotGood):
        change_email(secret=former)


@pytest.mark.parametrize(
    ("email", "password", "pointer"),
    [
        (NEW, "wrong", "/current_password"),
        ("no address", PASSWORD, "/email"),
        ("a\x00@b.example", PASSWORD, "/email"),
    ],
)
def test_a_refused_wish_names_the_field_and_mails_nothing(api, priya, email, password, pointer):
    answer = ask(api(priya), email, password)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert not AccountMail.objects.exists()


def test_a_link_to_one_thing_does_not_do_another(api, client, priya):
    ask(api(priya))
    secret = secret_mailed_to(NEW)

    for place in ("verify-email", "reset-password", "invitations"):
        assert client.get(f"/{place}/{secret}/").status_code == 404
    with pytest.raises(LinkNotGood):
        verify_email(secret=secret)


def test_a_mail_whose_link_was_used_meanwhile_is_not_sent(priya, api):
    ask(api(priya))
    priya.account_links.update(used_at=timezone.now())

    assert send_all() == ["skipped"]


def test_account_mail_is_swept_by_beat_and_hinted_by_name():
    from celery import current_app
    from django_celery_beat.models import PeriodicTask

    from apps.users.jobs import send_account_mail, sweep_account_mail
    from apps.users.services.mails import JOB

    assert send_account_mail.name == JOB and JOB in current_app.tasks
    assert PeriodicTask.objects.filter(task=sweep_account_mail.name, enabled=True).exists()


@pytest.mark.django_db(transaction=True)
def test_a_command_does_not_wait_for_a_redis_that_is_away(api, settings, monkeypatch):
    import time

    from celery import current_app

    monkeypatch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    priya = make_user("priya")
    client = api(priya)
    started = time.monotonic()

    assert client.post("/api/users/me/verification/").status_code == 202

    assert time.monotonic() - started < 1
    assert send_all() == ["sent"]
