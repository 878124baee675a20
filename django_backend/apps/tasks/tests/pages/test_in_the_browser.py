"""Two people look at the same pages at once: real Chromium, daphne and relay, static files under hashed names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import change_status, create_task, unassign_task
from apps.tasks.tests.factories import make_project

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[5]
WITHIN = 15_000  # ms: generous, because the machine may be busy; a page waits only as long as it must
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def static_root(tmp_path_factory):
    """The static files as an install collects them."""
    folder = tmp_path_factory.mktemp("static")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT / "django_backend",
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(ROOT / "kafka"),
            "STATIC_ROOT": str(folder),
        },
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def site(django_db_setup, static_root):
    """Daphne and the relay on the test database."""
    from apps.tasks.tests.live.conftest import running_relay, running_server

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STATIC_ROOT", str(static_root))
        with running_server() as server, running_relay():
            yield server.origin


@pytest.fixture(scope="module")
def chromium(site):
    """After the site, whose processes must not inherit the variable: playwright's loop runs in the test's thread, and
    Django would take every query of the test for one inside asynchronous code."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Chromium is not here: apt-get install chromium"
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(site, chromium):
    """`visit(person, path)`: a window of theirs that is live on that page. Any error in it fails the test."""
    from django.conf import settings
    from playwright.sync_api import expect

    from apps.users.tests.cast import browser_of

    expect.set_options(timeout=WITHIN)
    contexts, complaints = [], []

    def open_window(person, path, **options):
        context = chromium.new_context(
            base_url=site, **{"viewport": {"width": 1280, "height": 900}, **options}
        )
        contexts.append(context)
        cookie = browser_of(person).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": site}])
        page = context.new_page()
        page.set_default_timeout(WITHIN)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(path)
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def task(cast):
    return create_task(actor=cast.member, title="Print the door list", project_id=cast.project.pk)


def rows(page):
    return page.locator("tr.row .t-link").all_text_contents()


def test_a_task_made_by_the_form_appears_in_an_open_list_with_a_change_bar(cast, task, visit):
    from playwright.sync_api import expect

    watcher, maker = visit(cast.guest, "/tasks/"), visit(cast.owner, "/tasks/")
    maker.keyboard.press("c")
    maker.get_by_label("Title").fill("Order three scanners")
    maker.get_by_label("Project", exact=True).select_option(str(cast.project.pk))
    maker.keyboard.press("Control+Enter")
    maker.wait_for_url("**/tasks/OPS-2/")
    row = watcher.locator("tr.row", has_text="Order three scanners")
    expect(row).to_have_class("row changed")
    expect(row.locator("[data-said]")).to_contain_text("Olga made OPS-2")
    expect(watcher.locator(".applied .num")).to_have_text("2")
    assert rows(watcher) == ["Order three scanners", "Print the door list"]


def test_a_new_task_waits_while_the_pointer_is_in_the_list_and_comes_in_when_it_leaves(cast, task, visit):
    from playwright.sync_api import expect

    watcher = visit(cast.owner, "/tasks/")
    watcher.locator("tr.row").first.hover()
    create_task(actor=cast.member, title="Order scanners", project_id=cast.project.pk)
    note = watcher.locator("[data-waiting]")
    expect(note).to_have_text("1 new task: Order scanners. Show it")
    assert rows(watcher) == ["Print the door list"]
    watcher.mouse.move(640, 4)
    expect(note).to_be_hidden()
    assert rows(watcher) == ["Order scanners", "Print the door list"]


def test_a_filtered_list_tells_of_what_matches_and_of_nothing_else(cast, task, visit):
    from playwright.sync_api import expect

    watcher = visit(cast.owner, "/tasks/?priority=urgent")
    create_task(actor=cast.member, title="Calm", project_id=cast.project.pk, priority="low")
    create_task(actor=cast.member, title="Fire", project_id=cast.project.pk, priority="urgent")
    note = watcher.locator("[data-waiting]")
    expect(note).to_have_text("1 new task: Fire. Show it")
    note.click()
    expect(watcher.locator("tr.row .t-link")).to_have_text(["Fire"])


def test_a_changed_task_changes_in_its_row_and_keeps_its_place(cast, task, visit):
    from playwright.sync_api import expect

    create_task(actor=cast.member, title="Newer", project_id=cast.project.pk)
    watcher = visit(cast.owner, "/tasks/")
    done = task.project.statuses.get(category="done")
    change_status(actor=cast.member, task_id=task.pk, status_id=done.pk)
    row = watcher.locator(f"#task-{task.pk}")
    expect(row.locator(".c-st")).to_have_text("Done")
    expect(row).to_have_class("row is-done changed")
    assert rows(watcher) == ["Newer", "Print the door list"]


def test_a_comment_is_seen_as_it_is_written_edited_and_deleted_and_typing_is_left_alone(cast, task, visit):
    from playwright.sync_api import expect

    writer, reader = visit(cast.guest, f"/tasks/{task.ref}/"), visit(cast.member, f"/tasks/{task.ref}/")
    expect(reader.locator("[data-here]")).to_have_text("Gustav has this open")
    reader.locator("#comment-body").fill("Half a sen")
    expect(writer.locator("[data-typing]")).to_have_text("Mina is writing…")
    writer.keyboard.press("r")
    writer.keyboard.type("It is **late** <img src=x onerror=alert(1)>")
    writer.keyboard.press("Control+Enter")
    seen = reader.locator("article.comment")
    expect(seen).to_contain_text("It is late <img src=x onerror=alert(1)>")
    expect(seen.locator("strong")).to_have_text("late")
    expect(seen).to_have_class("comment changed")
    writer.wait_for_url("**#comment-*")
    expect(writer.locator("#comment-body")).to_have_value("")
    writer.locator("[data-edit] summary").click()
    writer.locator("[data-edit] textarea").fill("It is early")
    writer.get_by_role("button", name="Save comment").click()
    expect(seen.locator("[data-body]")).to_have_text("It is early")
    expect(seen.locator("[data-edited]")).to_be_visible()
    writer.locator("[data-delete] summary").click()
    writer.get_by_role("button", name="Delete comment").click()
    expect(seen).to_contain_text("This comment was deleted.")
    expect(reader.locator("#comment-body")).to_have_value("Half a sen")
    assert reader.evaluate("document.activeElement.id") == "comment-body"


def test_facts_change_in_place_for_everybody_who_looks(cast, task, visit):
    from playwright.sync_api import expect

    mover, reader = visit(cast.member, f"/tasks/{task.ref}/"), visit(cast.admin, f"/tasks/{task.ref}/")
    mover.keyboard.press("s")
    mover.keyboard.press("ArrowDown")
    mover.keyboard.press("Enter")
    fact = reader.locator("[data-fact=status]")
    expect(fact.locator("[data-value]")).to_have_text("In progress")
    expect(fact).to_have_class("changed")
    expect(reader.locator("li.event").last).to_contain_text("Mina moved this from To do to In progress")
    mover.locator("[data-menu=assign] summary").click()
    mover.get_by_role("button", name="Gustav").click()
    expect(reader.locator("[data-fact=assignees] [data-value]")).to_contain_text("Gustav")
    expect(reader.locator("li.event").last).to_contain_text("assigned Gustav")


def test_a_draft_survives_a_reload_and_ends_when_it_is_sent(cast, task, visit):
    from playwright.sync_api import expect

    page = visit(cast.member, f"/tasks/{task.ref}/")
    page.locator("#comment-body").fill("Not yet")
    page.reload()
    expect(page.locator("#comment-body")).to_have_value("Not yet")
    page.get_by_role("button", name="Comment", exact=False).last.click()
    page.wait_for_url("**#comment-*")
    page.reload()
    expect(page.locator("#comment-body")).to_have_value("")


def test_what_happened_during_a_cut_is_there_once_after_it(cast, task, visit):
    from playwright.sync_api import expect

    page = visit(cast.admin, f"/tasks/{task.ref}/")
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide'))")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "reconnecting")
    for number in range(3):
        add_comment(actor=cast.member, task_id=task.pk, body=f"Number {number}")
    page.context.set_offline(False)
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
    expect(page.locator("article.comment [data-body]")).to_have_text([f"Number {n}" for n in range(3)])


def test_changed_rights_load_the_page_anew_unless_something_is_typed(cast, task, visit):
    from playwright.sync_api import expect

    idle, typing = visit(cast.member, "/tasks/"), visit(cast.member, f"/tasks/{task.ref}/")
    typing.locator("#comment-body").fill("Not sent yet")
    with idle.expect_navigation():
        make_project(cast.owner, cast.team, key="NEW", name="A new one", member=cast.member)
    expect(idle.locator(".side")).to_contain_text("A new one")
    expect(typing.locator("[data-notices]")).to_contain_text("Much has changed meanwhile.")
    expect(typing.locator("#comment-body")).to_have_value("Not sent yet")


def test_a_task_that_is_taken_away_is_said_to_be_gone(cast, visit):
    from playwright.sync_api import expect

    task = create_task(actor=cast.member, title="Between us", assignee_ids=[cast.guest.pk])
    listed, opened = visit(cast.guest, "/tasks/"), visit(cast.guest, f"/tasks/{task.pk}/")
    assert rows(listed) == ["Between us"]
    unassign_task(actor=cast.member, task_id=task.pk, user_id=cast.guest.pk)
    expect(opened.locator("[data-notices]")).to_contain_text("You can’t see this task any more.")
    expect(listed.locator("tr.row")).to_have_count(0)


def test_a_session_that_ended_elsewhere_is_told_and_keeps_what_was_typed(cast, task, visit):
    from playwright.sync_api import expect

    from apps.users.models import Session

    page = visit(cast.member, f"/tasks/{task.ref}/")
    page.locator("#comment-body").fill("Not sent yet")
    Session.objects.filter(user=cast.member).update(ended_at=timezone.now())
    expect(page.locator("[data-notices]")).to_contain_text("You are signed out.")
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "paused")
    expect(page.locator("#comment-body")).to_have_value("Not sent yet")


def test_the_words_for_time_are_the_same_from_the_server_and_from_the_script(cast, visit):
    today = timezone.now().date()
    for days in (-9, -1, 0, 1, 2, 6, 30, 400, None):
        due = today + timedelta(days=days) if days is not None else None
        create_task(actor=cast.owner, title=f"In {days}", project_id=cast.project.pk, due_date=due)
    page = visit(cast.owner, "/tasks/")
    told = page.evaluate(
        """async () => {
            const list = document.querySelector("script[type=module]").src;
            const source = await (await fetch(list)).text();
            const words = await import(new URL(source.match(/"(.\\/words[^"]*)"/)[1], list));
            const tasks = (await (await fetch("/api/tasks/?limit=100")).json()).results;
            return Object.fromEntries(tasks.map((task) => [task.id, words.dueWords(task, false).words]));
        }"""
    )
    assert len(told) == 9
    for task_id, words in told.items():
        assert page.locator(f"#task-{task_id} .c-due").text_content().strip() == words


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_scrolls_sideways(cast, task, visit, width):
    page = visit(cast.owner, "/tasks/", viewport={"width": width, "height": 800})
    for path in ("/tasks/", f"/tasks/{task.ref}/", "/tasks/new/", "/activity/", "/inbox/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
