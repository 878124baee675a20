"""The list: what it shows, in which order, and at which price."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.tasks.models import Status
from apps.tasks.pages.listing import page_by_due
from apps.tasks.selectors import list_tasks
from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import change_status, create_task

pytestmark = pytest.mark.django_db

LIST_BUDGET = 12
TASK_BUDGET = 15


@pytest.fixture
def make(cast):
    def one(title, due=None, **values):
        day = timezone.now().date() + timedelta(days=due) if due is not None else None
        return create_task(actor=cast.member, title=title, project_id=cast.project.pk, due_date=day, **values)

    return one


def titles(page):
    return re.findall(r'class="t-link"[^>]*>([^<]+)</a>', page.split("<template", 1)[0])


def test_tasks_stand_in_groups_by_due_date_and_the_undated_last_newest_first(cast, browser, make):
    for title, due in [("none 1", None), ("later", 40), ("late", -3), ("today", 0), ("none 2", None)]:
        make(title, due)
    page = browser(cast.member).get("/tasks/").content.decode()
    assert titles(page) == ["late", "today", "later", "none 2", "none 1"]
    assert re.findall(r'data-group="(\w+)"', page.split("<template", 1)[0]) == [
        "late",
        "today",
        "later",
        "none",
    ]
    assert "3 days late" in page


def test_closed_tasks_leave_the_open_list_and_are_found_under_done_and_all(cast, browser, make):
    task = make("Finished")
    make("Begun")
    done = Status.objects.get(project=cast.project, category="done")
    change_status(actor=cast.member, task_id=task.pk, status_id=done.pk)
    reader = browser(cast.member)
    shown = [
        titles(reader.get(f"/tasks/{query}").content.decode())
        for query in ("", "?category=done", "?show=all", "?category=done&category=todo")
    ]
    assert shown == [["Begun"], ["Finished"], ["Begun", "Finished"], ["Begun", "Finished"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("priority=high", ["Bolts"]),
        ("priority=high&priority=low", ["Cables", "Bolts"]),
        ("q=bol", ["Bolts"]),
        ("q=needs", ["Anchors"]),
        ("assignee=me", ["Anchors"]),
        ("mine=1", ["Anchors"]),
        ("mine=1&priority=high", []),
        ("q=nothing", []),
    ],
)
def test_filters_combine(cast, browser, make, query, found):
    make("Anchors", assignee_ids=[cast.member.pk], description="Who needs them?")
    make("Bolts", priority="high")
    make("Cables", priority="low")
    answer = browser(cast.member).get(f"/tasks/?{query}")
    assert titles(answer.content.decode()) == found


def test_a_project_narrows_the_list_and_its_live_room(cast, browser, make):
    make("Inside")
    create_task(actor=cast.member, title="Personal")
    reader = browser(cast.member)
    page = reader.get(f"/tasks/?project={cast.project.pk}").content.decode()
    assert titles(page) == ["Inside"] and f'data-room="project:{cast.project.pk}"' in page
    assert 'data-room="me"' in reader.get("/tasks/").content.decode()


def test_each_filter_that_is_on_is_named_and_can_be_taken_away(cast, browser, make):
    make("Bolts")
    page = browser(cast.member).get("/tasks/?priority=high&q=x+%26y").content.decode()
    assert 'href="?q=x+%26y" aria-label="Remove filter: high priority"' in page
    assert 'href="?priority=high"' in page and "“x &amp;y”" in page
    assert "Nothing matches these filters" in page


@pytest.mark.parametrize(
    "query", ["priority=huge", "category=lost", "assignee=x", "project=1&project=2", "show=me", "cursor=zz"]
)
def test_a_filter_that_means_nothing_is_refused_rather_than_ignored(cast, browser, query):
    assert browser(cast.member).get(f"/tasks/?{query}").status_code == 400


def test_pages_follow_each_other_without_gap_or_double(cast, make):
    for number in range(7):
        make(f"dated {number}", number % 3)
    for number in range(6):
        make(f"undated {number}")
    found = list_tasks(cast.member)
    for limit in (1, 2, 3, 5, 7, 13, 20):
        seen, cursor = [], None
        while True:
            page = page_by_due(found, cursor, limit)
            assert len(page.rows) <= limit
            seen += [task.pk for task in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 13


def test_a_long_list_links_to_its_next_page_and_keeps_the_filters(cast, browser, make):
    for number in range(51):
        make(f"Task {number}", priority="high")
    reader = browser(cast.member)
    first = reader.get("/tasks/?priority=high").content.decode()
    link = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    assert len(titles(first)) == 50 and "priority=high" in link
    second = reader.get(f"/tasks/{link}").content.decode()
    assert titles(second) == ["Task 0"]
    assert 'data-first-page="1"' in first and 'data-first-page=""' in second


def test_typing_a_number_into_the_search_leads_to_the_task(cast, browser, make):
    task = make("Bolts")
    search = "/tasks/?show=all&jump=1&q="
    assert browser(cast.member).get(f"{search}ops-{task.number}")["Location"] == f"/tasks/{task.ref}/"
    assert browser(cast.outsider).get(f"{search}ops-{task.number}").status_code == 200


def test_due_dates_are_told_in_the_readers_own_zone(cast, browser):
    cast.member.time_zone = "Pacific/Auckland"
    cast.member.save(update_fields=["time_zone"])
    now = timezone.now()
    at = (now + timedelta(hours=1)).replace(second=0, microsecond=0)
    task = create_task(
        actor=cast.owner, title="Call", project_id=cast.project.pk, due_date=at.date(), due_time=at.time()
    )
    task.refresh_from_db()
    local = task.due_at.astimezone(ZoneInfo("Pacific/Auckland"))
    assert f", {local:%H:%M}" in browser(cast.member).get("/tasks/").content.decode()


def test_the_page_says_from_where_its_live_updates_go_on(cast, browser, make):
    make("Bolts")
    page = browser(cast.member).get("/tasks/").content.decode()
    cast.member.refresh_from_db()
    assert re.search(
        rf'data-seq="\d+" data-era="[0-9a-f-]{{36}}" data-epoch="{cast.member.access_epoch}"', page
    )
    filters = json.loads(re.search(r'data-filters="([^"]+)"', page)[1].replace("&quot;", '"'))
    assert filters["open_only"] is True and filters["narrows"] is False


def test_the_live_position_is_read_before_anything_it_stands_for(cast, browser, task):
    for path in ("/tasks/", f"/tasks/{task.ref}/", "/activity/", "/inbox/"):
        reader = browser(cast.member)
        with CaptureQueriesContext(connection) as queries:
            reader.get(path)
        told = [query["sql"] for query in queries]
        first = next(index for index, sql in enumerate(told) if "last_seq" in sql)
        assert not [sql for sql in told[:first] if "tasks_task" in sql or '"activity"' in sql]


def queries_of(reader, path):
    reader.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert reader.get(path).status_code == 200
    return len(queries)


def test_the_list_takes_the_same_number_of_queries_for_5_and_for_25_tasks(cast, browser, make):
    reader = browser(cast.member)
    counts = []
    for upto in (5, 25):
        for number in range(upto - ((counts and 5) or 0)):
            make(f"Task {number}", number % 4 or None, assignee_ids=[cast.member.pk, cast.guest.pk])
        counts.append(queries_of(reader, "/tasks/"))
    assert counts[0] == counts[1] <= LIST_BUDGET


def test_the_task_takes_the_same_number_of_queries_for_5_and_for_25_comments(cast, browser, task):
    reader = browser(cast.member)
    counts = []
    for upto in (5, 20):
        for number in range(upto):
            add_comment(
                actor=cast.guest if number % 2 else cast.member, task_id=task.pk, body=f"No. {number}"
            )
        counts.append(queries_of(reader, f"/tasks/{task.ref}/"))
    assert counts[0] == counts[1] <= TASK_BUDGET
