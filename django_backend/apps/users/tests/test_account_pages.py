"""Settings and teams as pages: each form works without script, and each page is its reader's own."""

import re
from html import unescape

import pytest

from apps.users.models import AccountLink, ApiToken, Session, TeamMember, User
from apps.users.services.invitations import invite_to_team
from apps.users.services.sessions import begin_session
from apps.users.tests.authenticator import Authenticator, with_second_factor
from apps.users.tests.factories import PASSWORD, make_session, make_team, make_user
from apps.users.tests.mailbox import path_mailed_to

pytestmark = pytest.mark.django_db

NEW = "quiet paper lantern seven"
PAGES = ["/settings/", "/settings/security/", "/settings/tokens/", "/teams/"]


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD)


@pytest.fixture
def machine(browser, olga):
    return browser(olga)


def text_of(answer):
    return unescape(answer.content.decode())


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_led_to_the_sign_in_page_and_back(client, path):
    answer = client.get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={path}")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_no_inline_style_or_script_and_is_kept_by_nobody(machine, olga, path):
    make_team(olga, member=make_user("ben"))

    answer = machine.get(path, follow=True)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)| on\w+=", page)
    assert "no-store" in answer["Cache-Control"]
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_form_carries_a_csrf_token_and_needs_it(browser, olga):
    strict = browser(olga, enforce_csrf_checks=True)

    for path in PAGES[:3]:
        page = strict.get(path).content.decode()
        assert page.count('method="post"') == page.count("csrfmiddlewaretoken")
    assert strict.post("/settings/", {"display_name": "No"}).status_code == 403


def test_the_profile_is_saved(machine, olga):
    form = {"display_name": "Olga Berg", "time_zone": "Europe/Vienna", "language": "de"}

    assert machine.post("/settings/", form)["Location"] == "/settings/"
    assert User.objects.get().display_name == "Olga Berg"
    assert 'value="Olga Berg"' in machine.get("/settings/").content.decode()
    refused = machine.post("/settings/", form | {"time_zone": "Mars"})
    assert refused.status_code == 422


def test_the_address_changes_by_the_mailed_link(machine, olga):
    form = {"email": "new@lantern.example", "current_password": PASSWORD}

    assert machine.post("/settings/email/", form).status_code == 302
    machine.post(path_mailed_to("new@lantern.example"))

    assert User.objects.get().email == "new@lantern.example"


def test_the_password_changes_and_this_browser_stays_signed_in(machine, olga):
    other = begin_session(actor=olga)
    wrong = {"current_password": "wrong", "password": NEW}

    refused = machine.post("/settings/security/password/", wrong)
    assert refused.status_code == 422 and "not your password" in text_of(refused)
    assert (
        machine.post("/settings/security/password/", wrong | {"current_password": PASSWORD}).status_code
        == 302
    )

    assert machine.get("/settings/security/").status_code == 200
    other.refresh_from_db()
    assert other.ended_at is not None and User.objects.get().check_password(NEW)


def test_the_second_step_is_set_up_shown_once_and_switched_off(machine, olga):
    assert (
        machine.post("/settings/security/second-step/begin/")["Location"] == "/settings/security/second-step/"
    )
    page = text_of(machine.get("/settings/security/second-step/"))
    assert "<svg" in page and "style=" not in page
    app = Authenticator(re.findall(r"<code>([A-Z2-7]{32})</code>", page)[0])

    codes = machine.post(
        "/settings/security/second-step/", {"code": app.code(-1), "current_password": PASSWORD}
    )
    assert len(re.findall(r"<code>[a-z2-7-]{19}</code>", text_of(codes))) == 10
    assert "It is <b>on</b>" in text_of(machine.get("/settings/security/"))
    assert machine.get("/settings/security/second-step/")["Location"] == "/settings/security/"

    off = "/settings/security/second-step/off/"
    assert machine.post(off, {"current_password": PASSWORD, "code": "000000"}).status_code == 422
    assert machine.post(off, {"current_password": PASSWORD, "code": app.code()}).status_code == 302
    assert "It is off" in text_of(machine.get("/settings/security/"))


def test_new_recovery_codes_take_the_place_of_the_former(machine, olga):
    app, former = with_second_factor(olga)

    page = text_of(
        machine.post(
            "/settings/security/second-step/codes/", {"current_password": PASSWORD, "code": app.code()}
        )
    )

    assert former[0] not in page and len(re.findall(r"<code>[a-z2-7-]{19}</code>", page)) == 10


def test_sessions_are_listed_and_ended_one_by_one_and_all_but_this(machine, olga):
    first, _ = begin_session(actor=olga), begin_session(actor=olga)
    theirs = make_session(make_user("ben"))
    assert text_of(machine.get("/settings/security/")).count("this one") == 1

    machine.post(f"/settings/security/sessions/{first.sid}/end/")
    machine.post(f"/settings/security/sessions/{theirs.sid}/end/")
    assert Session.objects.filter(user=olga, ended_at=None).count() == 2
    machine.post("/settings/security/sessions/end-others/")

    assert Session.objects.filter(user=olga, ended_at=None).count() == 1
    theirs.refresh_from_db()
    assert theirs.ended_at is None and machine.get("/settings/security/").status_code == 200


def test_a_program_s_name_is_shown_as_text(machine, olga):
    begin_session(actor=olga)
    Session.objects.update(user_agent="<script>alert(1)</script>")

    assert "<script>alert" not in machine.get("/settings/security/").content.decode()


def test_a_token_is_shown_once_works_and_is_revoked(machine, olga, api):
    form = {"name": "door list", "scope": "read", "days": "30"}
    secret = re.findall(r"<code>(dbk_[\w-]+)</code>", text_of(machine.post("/settings/tokens/", form)))[0]

    assert secret not in text_of(machine.get("/settings/tokens/"))
    me = api().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert me.json()["username"] == "olga"
    machine.post(f"/settings/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert api().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {secret}").status_code == 401
    assert machine.post("/settings/tokens/", form | {"name": " "}).status_code == 422


def test_leaving_by_the_page_signs_out(machine, olga):
    assert machine.post("/settings/leave/", {"current_password": "wrong"}).status_code == 422

    assert machine.post("/settings/leave/", {"current_password": PASSWORD})["Location"] == "/sign-in/"
    assert not User.objects.get().is_active and machine.get("/settings/").status_code == 302


# Teams


def test_an_admin_invites_by_link_and_a_newcomer_joins(browser, client, cast):
    path = f"/teams/{cast.team.pk}/"
    page = text_of(browser(cast.admin).post(path, {"role": "guest", "email": ""}))
    link = re.findall(r"<code>http://[^/]+(/invitations/[\w-]+/)</code>", page)[0]

    form = {
        "display_name": "Priya Nair",
        "email": "priya@lantern.example",
        "username": "priya",
        "password": PASSWORD,
    }
    assert client.post(link, form).status_code == 302

    assert TeamMember.objects.get(user__username="priya").role == "guest"
    assert link not in text_of(browser(cast.admin).get(path))


def test_an_invitation_by_mail_is_listed_and_taken_back(browser, cast):
    machine, path = browser(cast.owner), f"/teams/{cast.team.pk}/"
    page = text_of(machine.post(path, {"role": "member", "email": "priya@lantern.example"}))
    assert "on its way to priya@lantern.example" in page and "/invitations/" in page

    machine.post(f"{path}invitations/{AccountLink.objects.get().pk}/revoke/")

    assert AccountLink.objects.get().revoked_at is not None


def test_members_see_the_team_and_no_forms_to_manage_it(browser, cast):
    invite_to_team(actor=cast.owner, team_id=cast.team.pk, role="guest", email="priya@lantern.example")

    page = text_of(browser(cast.member).get(f"/teams/{cast.team.pk}/"))

    assert "Olga" in page and "priya@" not in page and "@lantern" not in page
    assert page.count("/remove/") == 1  # to leave
    assert browser(cast.member).post(f"/teams/{cast.team.pk}/", {"role": "guest"}).status_code in (403, 422)
    assert browser(cast.outsider).get(f"/teams/{cast.team.pk}/").status_code == 404
    assert browser(cast.outsider).post(f"/teams/{cast.team.pk}/", {"role": "guest"}).status_code == 404


def test_roles_change_members_leave_and_the_last_owner_is_told_why_not(browser, cast):
    machine, path = browser(cast.owner), f"/teams/{cast.team.pk}/members/"

    machine.post(f"{path}{cast.guest.pk}/role/", {"role": "member"})
    machine.post(f"{path}{cast.admin.pk}/remove/")
    answer = machine.post(f"{path}{cast.owner.pk}/remove/", follow=True)

    roles = dict(TeamMember.objects.values_list("user__username", "role"))
    assert roles == {"olga": "owner", "mina": "member", "gustav": "member"}
    assert "without an owner" in text_of(answer)
    assert browser(cast.member).post(f"{path}{cast.member.pk}/remove/")["Location"] == "/teams/"
