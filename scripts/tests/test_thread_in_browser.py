"""The thread, seen by two people in two browsers at once."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.request
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PASSWORD = "daybook-demo"
# No requests of the browser's own: they would fail where only this machine is reached.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TITLE = "Count the spare lanyards"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


class Person:
    """Somebody signed in, in a browser of their own; what went wrong there is kept."""

    def __init__(self, browser, wiring, name):
        self.context = browser.new_context(base_url=wiring.public_url, locale="en-GB")
        self.page = self.context.new_page()
        self.wrong = []
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda problem: self.wrong.append(str(problem)))
        self.page.goto("/sign-in/")
        self.page.get_by_label("E-mail or user name").fill(f"{name}@example.com")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Tasks", level=1)).to_be_visible()

    def note(self, message):
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def is_live(self):
        expect(self.page.locator(".topbar .live")).to_have_attribute("data-state", "live")


@pytest.fixture
def alice(browser, demo_install):
    person = Person(browser, demo_install, "alice")
    yield person
    person.context.close()


@pytest.fixture
def bob(browser, demo_install):
    person = Person(browser, demo_install, "bob")
    yield person
    person.context.close()


def call(url, token=None, body=None):
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode() if body is not None else None,
        headers={
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def eventually(ask, holds, seconds=30):
    """The first answer that holds; fails with the last one when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, f"still {answer}"
        time.sleep(0.1)


def mails_to(outbox, address):
    if not outbox.is_dir():
        return []
    messages = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in outbox.glob("*.eml")]
    return [message for message in messages if message["To"] == address]


def test_what_alice_does_bob_sees_as_it_happens(demo_install, alice, bob):
    web, analytics = demo_install.public_url, demo_install.analytics_url
    token = call(f"{web}/api/auth/login/", body={"login": "alice@example.com", "password": PASSWORD})[
        "access"
    ]

    def counted():
        """None where there is no analytics (docker-compose.core.yml)."""
        return (
            call(f"{analytics}/api/v1/analytics/dashboard", token)["totals"]["total"] if analytics else None
        )

    before = counted()

    # Bob has the list open; Alice makes a task by the form and gives it to him.
    bob.page.goto("/tasks/")
    bob.is_live()
    alice.page.goto("/tasks/new/")
    alice.page.get_by_label("Title", exact=True).fill(TITLE)
    alice.page.get_by_label("Project", exact=True).select_option(label="OPS Operations")
    alice.page.get_by_label("Bob Okafor").check()
    alice.page.get_by_role("button", name="Create task").click()
    expect(alice.page.get_by_role("heading", name=TITLE, level=1)).to_be_visible()
    ref = re.search(r"/tasks/(OPS-\d+)/", alice.page.url).group(1)

    row = bob.page.get_by_role("link", name=TITLE)
    expect(row).to_be_visible(timeout=15_000)

    # Bob opens it; both look at it.
    row.click()
    expect(bob.page.get_by_role("heading", name=TITLE, level=1)).to_be_visible()
    alice.is_live()
    bob.is_live()

    # He comments, changes his mind, and takes it back; Alice sees each as it happens, her own draft untouched.
    draft = alice.page.get_by_label("Your comment").last
    draft.fill("I was just about to")
    bob.page.locator("#comment-body").fill("Seventeen in the **left** drawer")
    bob.page.get_by_role("button", name="Comment", exact=False).last.click()
    seen = alice.page.locator(".thread .comment")
    expect(seen.filter(has_text="Seventeen in the left drawer")).to_be_visible()
    expect(bob.page.locator(".thread .comment strong")).to_have_text("left")

    mine = bob.page.locator(".thread li[data-comment]").filter(has_text="Seventeen")
    mine.get_by_text("Edit", exact=True).click()
    mine.locator("textarea").fill("Eighteen, one was behind it")
    mine.get_by_role("button", name="Save comment").click()
    expect(seen.filter(has_text="Eighteen, one was behind it")).to_be_visible()
    expect(seen.filter(has_text="Seventeen")).to_have_count(0)

    mine = bob.page.locator(".thread li[data-comment]").filter(has_text="Eighteen")
    mine.get_by_text("Delete…", exact=True).click()
    mine.get_by_role("button", name="Delete comment").click()
    expect(seen.filter(has_text="This comment was deleted.")).to_be_visible()
    expect(seen.filter(has_text="Eighteen")).to_have_count(0)
    expect(draft).to_have_value("I was just about to")

    # The status is moved by API; both see it.
    task = next(row for row in call(f"{web}/api/tasks/?q=lanyards", token)["results"] if row["key"] == ref)
    project = call(f"{web}/api/projects/{task['project']}/", token)
    done = next(status["id"] for status in project["statuses"] if status["category"] == "done")
    call(f"{web}/api/tasks/{task['id']}/status/", token, {"status": done})
    for person in (alice, bob):
        expect(person.page.locator("[data-fact=status] [data-value]")).to_have_text("Done")

    # The feed names each.
    feed = eventually(
        lambda: [
            entry["type"]
            for entry in call(f"{web}/api/activity/", token)["results"]
            if entry["task"] == task["id"]
        ],
        lambda types: len(types) == 6,
    )
    assert feed[::-1] == [
        "task.created",
        "task.assigned",
        "comment.added",
        "comment.edited",
        "comment.deleted",
        "task.status_changed",
    ]
    bob.page.goto("/activity/")
    expect(bob.page.get_by_text(ref).first).to_be_visible()

    # Analytics counts it, and Bob's mail lies in the outbox.
    eventually(counted, lambda total: total is None or total == before + 1)
    mail = eventually(
        lambda: [m for m in mails_to(demo_install.outbox, "bob@example.com") if TITLE in m["Subject"]],
        lambda mails: mails,
    )
    assert len(mail) == 1
    assert f"/tasks/{ref}/" in mail[0].get_body(("plain",)).get_content()

    # Nobody's console complained: no script error, no report of the content security policy.
    assert (alice.wrong, bob.wrong) == ([], [])
