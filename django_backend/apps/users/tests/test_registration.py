"""Who may make an account, and what is written when they do."""

import pytest
from django.db import connection

from apps.users.models import User
from apps.users.services.accounts import DemoAccountsOff, register_user
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

PRIYA = {
    "email": "priya@lantern.example",
    "username": "priya",
    "display_name": "Priya Nair",
    "password": PASSWORD,
}


@pytest.mark.parametrize(
    ("mode", "status", "code"),
    [("open", 201, None), ("invited", 403, "invitation_needed"), ("closed", 403, "registration_closed")],
)
def test_the_setting_decides_who_may_register(api, settings, mode, status, code):
    settings.REGISTRATION = mode

    answer = api().post("/api/auth/register/", PRIYA, format="json")

    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert User.objects.exists() == (status == 201)


def test_the_settings_of_an_install_say_invited(settings):
    assert settings.REGISTRATION == "invited"


def test_registering_states_one_fact_with_version_1(api, settings):
    settings.REGISTRATION = "open"

    body = api().post("/api/auth/register/", PRIYA, format="json").json()

    user = User.objects.get()
    assert body["username"] == "priya" and body["email"] == "priya@lantern.example" and "password" not in body
    assert facts() == [{"user": user.pk, "how": "open"}]
    assert types_of(user) == [(1, "user.registered")]
    assert user.password.startswith("argon2$argon2id$")
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "no address"}, "/email"),
        ({"email": "OLGA@lantern.example"}, "/email"),
        ({"username": "OLGA"}, "/username"),
        ({"username": "a b"}, "/username"),
        ({"display_name": "   "}, "/display_name"),
        ({"password": "short"}, "/password"),
        ({"password": "password1234"}, "/password"),
        ({"password": "priya@lantern.example"}, "/password"),
        ({"password": "x" * 1001}, "/password"),
        ({"username": "nul\x00"}, "/username"),
    ],
)
def test_a_refused_field_is_named_and_nothing_is_written(api, settings, change, pointer):
    settings.REGISTRATION = "open"
    make_user("olga")
    before = len(facts())

    answer = api().post("/api/auth/register/", PRIYA | change, format="json")

    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {pointer}
    assert User.objects.count() == 1 and len(facts()) == before


def test_nobody_registers_as_staff(api, settings):
    settings.REGISTRATION = "open"

    api().post("/api/auth/register/", PRIYA | {"is_staff": True, "is_superuser": True}, format="json")

    assert not User.objects.filter(is_staff=True).exists()


def test_demo_accounts_need_their_setting(settings):
    with pytest.raises(DemoAccountsOff):
        register_user(**PRIYA, how="demo")
    settings.DEMO_ACCOUNTS = True

    user = register_user(**PRIYA, how="demo", is_staff=True)

    assert user.is_staff and facts("user.registered") == [{"user": user.pk, "how": "demo"}]


def test_the_tests_run_with_the_rights_of_the_web():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, pg_has_role(current_user, 'daybook_web', 'MEMBER'), rolsuper FROM pg_roles "
            "WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("daybook_test_web", True, False)
