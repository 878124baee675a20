"""What people write is text, and no page needs more than its own scripts and styles."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import create_task, edit_task

pytestmark = pytest.mark.django_db

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>"
MARKDOWN = f"{NASTY}\n\n[link](javascript:alert(4)) ![img](https://evil.example/x.png) <a href='data:x'>a</a>"


@pytest.fixture
def nasty(cast):
    cast.member.display_name = "<b>Mina</b>"
    cast.member.save(update_fields=["display_name"])
    task = create_task(
        actor=cast.member, title=NASTY, description=MARKDOWN, project_id=cast.project.pk,
        assignee_ids=[cast.member.pk],
    )  # fmt: skip
    add_comment(actor=cast.member, task_id=task.pk, body=MARKDOWN)
    return edit_task(actor=cast.member, task_id=task.pk, changes={"title": f"{NASTY} 2"})


def pages(task):
    return [
        "/tasks/",
        f"/tasks/?show=all&q={NASTY}",
        f"/tasks/{task.ref}/",
        "/tasks/new/",
        "/activity/",
        "/inbox/",
    ]


class Markup(HTMLParser):
    """The elements of a page as a browser would see them."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


def test_nothing_that_people_write_becomes_markup(cast, browser, nasty):
    for path in pages(nasty):
        page = browser(cast.member).get(path).content.decode()
        for tag, attributes in Markup(page).elements:
            assert tag not in ("img", "iframe", "object", "style"), path
            assert not [name for name in attributes if name.startswith("on") or name == "style"], path
            assert not re.match(r"(?i)\s*(javascript|data|vbscript):", attributes.get("href") or ""), path
            assert tag != "script" or attributes["src"].startswith("/static/"), path
    assert "&lt;script&gt;alert(1)" in browser(cast.member).get(f"/tasks/{nasty.ref}/").content.decode()


def test_every_page_has_a_policy_without_unsafe_words(cast, browser, client, nasty):
    reader = browser(cast.member)
    answers = [reader.get(path) for path in [*pages(nasty), "/tasks/OPS-999/", "/tasks/?show=x"]]
    for answer in [*answers, client.get("/sign-in/")]:
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["style-src"] == "'self'" and directives["script-src"].startswith("'self'")


def test_no_page_has_a_script_or_style_of_its_own_in_it(cast, browser, nasty):
    for path in ["/tasks/OPS-999/", "/tasks/?show=x", *pages(nasty)]:
        for tag, attributes in Markup(browser(cast.member).get(path).content.decode()).elements:
            assert tag != "style" and "style" not in attributes, path
            assert tag != "script" or "src" in attributes, path


def test_no_shared_cache_keeps_a_page(cast, browser, task):
    answer = browser(cast.member).get(f"/tasks/{task.ref}/")
    assert set(answer["Cache-Control"].split(", ")) == {"private", "no-cache"}


def test_the_theme_comes_from_a_cookie_and_nothing_else_gets_in(cast, browser):
    reader = browser(cast.member)
    for cookie, shown in [("dark", 'data-theme="dark"'), ('x" onload="', '<html lang="en">')]:
        reader.cookies["theme"] = cookie
        assert shown in reader.get("/tasks/").content.decode()
