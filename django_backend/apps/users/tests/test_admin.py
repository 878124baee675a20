"""The admin site shows; it changes nothing."""

import pytest

from apps.users.models import AccountMail, Session
from apps.users.services.api_tokens import Wish, create_token
from apps.users.services.passwords import request_password_reset
from apps.users.tests.factories import make_session, make_team, make_user

pytestmark = pytest.mark.django_db

LISTS = [
    "/admin/users/user/",
    "/admin/users/team/",
    "/admin/users/session/",
    "/admin/users/apitoken/",
    "/admin/users/accountmail/",
]


@pytest.fixture
def staff():
    return make_user("olga", is_staff=True)


def test_staff_see_people_teams_and_sessions(browser, staff):
    machine = browser(staff)
    team = make_team(staff)
    session = make_session(staff)
    token = create_token(actor=staff, wish=Wish("script", "read", 30))
    request_password_reset(email=staff.email)
    objects = [
        f"users/user/{staff.pk}",
        f"users/team/{team.pk}",
        f"users/session/{session.sid}",
        f"users/apitoken/{token.token.pk}",
        f"users/accountmail/{AccountMail.objects.get().pk}",
    ]

    assert {machine.get(path).status_code for path in LISTS} == {200}
    pages = [machine.get(f"/admin/{path}/change/") for path in objects]
    assert {page.status_code for page in pages} == {200}
    assert "argon2" not in pages[0].content.decode()
    assert token.secret not in pages[3].content.decode() and "digest" not in pages[3].content.decode()


def test_staff_change_nothing_there(browser, staff):
    machine = browser(staff)
    path = f"/admin/users/user/{staff.pk}"

    refused = [
        machine.get("/admin/users/user/add/"),
        machine.post("/admin/users/user/add/", {"username": "x"}),
        machine.post(f"{path}/change/", {"is_superuser": "on"}),
        machine.post(f"{path}/delete/", {"post": "yes"}),
    ]

    assert {answer.status_code for answer in refused} == {403}
    assert machine.get("/admin/password_change/").status_code == 404


@pytest.mark.parametrize("path", ["/admin/", *LISTS])
def test_a_person_who_is_no_staff_gets_403_and_a_stranger_the_sign_in_page(browser, path, db):
    assert browser(make_user("mina")).get(path, follow=True).status_code == 403
    assert browser().get(path, follow=True).redirect_chain[-1][0] == f"/sign-in/?next={path}"


def test_signing_out_there_ends_the_session(browser, staff):
    machine = browser(staff)

    machine.post("/admin/logout/", follow=True)

    assert Session.objects.get().ended_at is not None
