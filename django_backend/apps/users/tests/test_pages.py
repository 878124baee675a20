"""The sheets: registration and the looks every one of them shares. Sign-in has a file of its own."""

import re

import pytest

from apps.users.models import Session, User
from apps.users.tests.events import facts
from apps.users.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

FORM = {
    "display_name": "Priya Nair",
    "email": "priya@lantern.example",
    "username": "priya",
    "password": PASSWORD,
}


@pytest.mark.parametrize(("mode", "status"), [("open", 200), ("invited", 404), ("closed", 404)])
def test_the_page_to_register_exists_where_anybody_may(client, settings, mode, status):
    settings.REGISTRATION = mode

    assert client.get("/register/").status_code == status
    assert ("/register/" in client.get("/sign-in/").content.decode()) == (mode == "open")


def test_registering_by_page_signs_in(client, settings):
    settings.REGISTRATION = "open"

    assert client.post("/register/", FORM).status_code == 302

    assert client.get("/api/users/me/").json()["username"] == "priya"
    assert [Session.objects.get().kind, len(facts("user.registered")), len(facts("user.signed_in"))] == [
        "web",
        1,
        1,
    ]


def test_a_refused_registration_keeps_what_was_typed_and_names_the_field(client, settings):
    settings.REGISTRATION = "open"
    make_user("priya")

    answer = client.post("/register/", FORM | {"email": "<b>@lantern.example"})

    page = answer.content.decode()
    assert answer.status_code == 422 and User.objects.count() == 1
    assert 'aria-invalid="true"' in page and 'aria-describedby="id_email_error"' in page
    assert page.count('id="id_email_error"') == 1
    assert 'value="Priya Nair"' in page and "<b>@" not in page and PASSWORD not in page


@pytest.mark.parametrize("path", ["/sign-in/", "/register/", "/set-up/nonsense/"])
def test_a_sheet_holds_no_inline_style_or_script(client, settings, path):
    settings.REGISTRATION = "open"

    answer = client.get(path)

    page = answer.content.decode()
    assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)| on\w+=", page)
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_somebody_signed_in_is_led_on_from_the_sign_in_page(browser):
    assert browser(make_user("olga")).get("/sign-in/?next=/tasks/7/")["Location"] == "/tasks/7/"
