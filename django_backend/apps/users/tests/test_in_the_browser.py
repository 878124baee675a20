"""Somebody's way through it all in real Chromium: set up, invited, verified, second step, reset, sessions, a token."""

from __future__ import annotations

import re
import subprocess
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from apps.tasks.tests.pages.test_in_the_browser import WITHIN, chromium, site, static_root  # noqa: F401
from apps.users.models import Session, User
from apps.users.services.mails import due_mail_ids, send_account_mail
from apps.users.services.setup_links import make_setup_link
from apps.users.tests.authenticator import Authenticator
from apps.users.tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NEW = "quiet paper lantern seven"


@pytest.fixture
def outbox(settings, tmp_path):
    """The folder that stands in for a mail server; the worker's work is done when somebody looks."""
    settings.EMAIL_BACKEND = "apps.common.mail.OutboxBackend"
    settings.OUTBOX_DIR = tmp_path

    def latest_link(address: str) -> str:
        for mail_id in due_mail_ids():
            send_account_mail(mail_id=mail_id)
        mails = [
            read(path) for path in sorted(Path(tmp_path).glob("*.eml"), key=lambda p: p.stat().st_mtime_ns)
        ]
        body = [text for to, text in mails if to == address and "http" in text][-1]
        found = re.findall(r"http://\S+/[\w-]{43}/", body)
        return urlsplit(found[-1]).path

    def read(path: Path) -> tuple[str, str]:
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        return str(message["To"]), message.get_body(("plain",)).get_content()

    return latest_link


@pytest.fixture
def window(site, chromium):  # noqa: F811
    """`window()`: a browser of somebody's own. Any error on a page fails the test."""
    contexts, complaints = [], []

    def open_window():
        context = chromium.new_context(base_url=site)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WITHIN)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


def fill(page, **fields):
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(text)


def sign_in(page, name, password):
    page.goto("/sign-in/")
    page.get_by_label("E-mail or user name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_from_an_empty_install_to_a_token_used_with_curl(site, window, outbox):  # noqa: F811
    # The first person comes in by the printed link, and confirms the address by the mail in the outbox.
    olga = window()
    olga.goto(urlsplit(make_setup_link()).path)
    fill(
        olga, Your_name="Olga Berg", **{"E-mail": "olga@lantern.example"}, User_name="olga", Password=PASSWORD
    )
    olga.get_by_label("Your team’s name").fill("Lantern")
    olga.get_by_role("button", name="Make account and team").click()
    olga.wait_for_url("**/tasks/")
    olga.goto(outbox("olga@lantern.example"))
    olga.get_by_role("button", name="Yes, this is my address").click()
    olga.wait_for_url("**/tasks/")
    assert User.objects.get().email_verified_at is not None

    # She switches the second step on.
    olga.goto("/settings/security/")
    olga.get_by_role("button", name="Set it up").click()
    olga.wait_for_url("**/second-step/")
    box = olga.locator("[role=img] svg").bounding_box()
    assert box is not None and box["width"] > 100
    app = Authenticator(olga.locator("p.secret code").inner_text())
    olga.get_by_label("Code that the app shows").fill(app.code(-1))
    olga.get_by_label("Your password").fill(PASSWORD)
    olga.get_by_role("button", name="Switch it on").click()
    olga.get_by_role("heading", name="Recovery codes").wait_for()
    codes = olga.locator("ul.lines code").all_inner_texts()
    assert len(codes) == 10

    # She invites a colleague by a link; he makes his account with it.
    olga.goto("/teams/")
    olga.get_by_role("button", name="Invite", exact=True).click()
    link = urlsplit(olga.locator("p.secret code").inner_text()).path
    ben = window()
    ben.goto(link)
    fill(ben, Your_name="Ben Moss", **{"E-mail": "ben@lantern.example"}, User_name="ben", Password=PASSWORD)
    ben.get_by_role("button", name="Make account and join").click()
    ben.wait_for_url("**/tasks/")

    # In another browser she has forgotten her password: a new one by mail, and still the second step.
    other = window()
    other.goto("/sign-in/")
    other.get_by_role("link", name="I forgot my password").click()
    fill(other, **{"E-mail": "olga@lantern.example"})
    other.get_by_role("button", name="Mail me a link").click()
    other.get_by_role("heading", name="Look at your mail").wait_for()
    other.goto(outbox("olga@lantern.example"))
    other.get_by_label("New password").fill(NEW)
    other.get_by_role("button", name="Set password").click()
    other.wait_for_url("**/sign-in/")
    sign_in(other, "olga", NEW)
    other.wait_for_url("**/second-step/**")
    other.get_by_label("Code").fill(codes[0])
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url("**/tasks/")
    olga.goto("/settings/security/")
    olga.wait_for_url("**/sign-in/**")  # her first browser was signed out by the reset

    # Signed in there again, she sees both and ends the other.
    sign_in(olga, "olga@lantern.example", NEW)
    olga.get_by_label("Code").fill(app.code())
    olga.get_by_role("button", name="Sign in").click()
    olga.wait_for_url("**/tasks/")
    olga.goto("/settings/security/")
    assert olga.get_by_text("this one").count() == 1
    olga.locator("ul.lines").get_by_role("button", name="Sign out").click()
    olga.get_by_text("Signed out there.").wait_for()
    other.goto("/settings/")
    other.wait_for_url("**/sign-in/**")
    assert Session.objects.filter(user__username="olga", ended_at=None).count() == 1

    # A token for a script.
    olga.goto("/settings/tokens/")
    olga.get_by_label("What it is for").fill("door list")
    olga.get_by_role("button", name="Make token").click()
    token = olga.locator("p.secret code").inner_text()
    asked = ["curl", "-s", "-H", f"Authorization: Bearer {token}", f"{site}/api/users/me/"]
    assert '"username":"olga"' in subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    olga.get_by_role("button", name="Revoke door list").click()
    olga.get_by_text("Revoked.").wait_for()
    assert "token_invalid" in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_no_page_of_an_account_scrolls_sideways_on_a_phone(site, window):  # noqa: F811
    page = window()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(urlsplit(make_setup_link()).path)
    fill(
        page, Your_name="Olga Berg", **{"E-mail": "olga@lantern.example"}, User_name="olga", Password=PASSWORD
    )
    page.get_by_label("Your team’s name").fill("Lantern")
    page.get_by_role("button", name="Make account and team").click()
    page.wait_for_url("**/tasks/")
    for path in ("/settings/", "/settings/security/", "/settings/tokens/", "/teams/"):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
