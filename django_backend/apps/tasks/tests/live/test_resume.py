"""Cut and resumed: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
import uuid

from django.db import connection, connections

from apps.tasks.live.limits import BACKLOG_EVENTS
from apps.tasks.services import comments, tasks
from apps.tasks.tests.live.log import (
    facts_about,
    heard_about,
    make,
    seq_of_everything,
    state_many_updates,
)


def test_what_happened_while_the_page_was_cut_arrives_once(cast, open_page):
    first = open_page(cast.member)
    first.subscribe("me")
    one = make(cast.owner, "Before", cast.project)
    last = [first.until("event")]
    first.connection.close()
    two = make(cast.owner, "During", cast.project)
    comments.add_comment(actor=cast.owner, task_id=one.pk, body="Still there?")
    facts_about(one, two)
    again = open_page(cast.member)
    again.subscribe("me", again.resume_from(last[-1]["seq"]))
    three = make(cast.owner, "After", cast.project)
    again.until("event", seq=facts_about(three)[-1][0])
    assert heard_about(first.events() + again.events()) == facts_about(one, two, three)


def test_subscribed_says_where_live_begins(cast, open_page):
    task = make(cast.owner, "Before", cast.project)
    seq = facts_about(task)[-1][0]
    page = open_page(cast.member)
    page.say(type="subscribe", room=f"task:{task.pk}", resume=page.resume_from(0))
    subscribed = page.until("subscribed")
    assert [frame["type"] for frame in page.heard if frame["type"] in ("event", "subscribed")] == [
        "event",
        "subscribed",
    ]
    assert subscribed["seq"] >= seq
    assert (subscribed["era"], subscribed["epoch"]) == (page.hello["era"], page.hello["epoch"])


def test_a_page_that_is_cut_again_and_again_under_load_hears_everything_once(cast, open_page):
    """Subscribing, sending the backlog and the writers' commits fall together in every possible way."""
    seq = seq_of_everything()
    heard, made = [], []
    # Writers stay a little ahead of the reader: too far ahead is a reset, which is another test's.
    turns, is_over = threading.Semaphore(30), threading.Event()
    people = (cast.owner, cast.admin)
    writers = [
        threading.Thread(target=keep_writing, args=(each, cast.project, made, turns, is_over))
        for each in people
    ]
    for writer in writers:
        writer.start()
    try:
        for _ in range(25):
            page = open_page(cast.member, caught_up=False)
            page.say(type="subscribe", room="me", resume=page.resume_from(seq))
            heard += [page.until("event") for _ in range(9)]
            seq = heard[-1]["seq"]
            page.connection.close()
            turns.release(3)
    finally:
        is_over.set()
        turns.release(len(writers))
        for writer in writers:
            writer.join()
    end = facts_about(*made)[-1][0]
    page = open_page(cast.member, caught_up=False)
    page.say(type="subscribe", room="me", resume=page.resume_from(seq))
    while heard[-1]["seq"] < end:
        heard.append(page.until("event"))
    assert heard_about(heard) == facts_about(*made)


def keep_writing(person, project, made, turns, is_over):
    """Three events a turn."""
    try:
        while turns.acquire() and not is_over.is_set():
            task = make(person, "Write", project)
            made.append(task)
            tasks.edit_task(actor=person, task_id=task.pk, changes={"title": "Written", "priority": "high"})
    finally:
        connections.close_all()


def test_subscribing_to_a_room_again_starts_it_anew(cast, open_page):
    task = make(cast.owner, "Write", cast.project)
    facts_about(task)
    page = open_page(cast.member)
    for _ in range(2):
        page.subscribe(f"task:{task.pk}", page.resume_from(0))
    assert len(page.events()) == 2
    tasks.edit_task(actor=cast.owner, task_id=task.pk, changes={"title": "Written"})
    page.until("event")
    page.say(type="ping")
    page.until("pong")
    assert len(page.events()) == 3


def test_events_up_to_the_resumed_seq_are_dropped_even_if_this_process_lags(cast, open_page):
    task = make(cast.owner, "Write", cast.project)
    seq = facts_about(task)[-1][0]
    page = open_page(cast.member, caught_up=False)
    page.subscribe("me", page.resume_from(seq))
    assert page.events() == []


def test_a_backlog_of_a_thousand_is_sent(cast, open_page):
    task = make(cast.owner, "Write", cast.project)
    seq = facts_about(task)[-1][0]
    state_many_updates(task, cast.owner, BACKLOG_EVENTS)
    expected = facts_about(task)[1:]
    page = open_page(cast.member)
    page.subscribe(f"task:{task.pk}", page.resume_from(seq))
    assert heard_about(page.events()) == expected
    assert not page.of_type("reset")


def test_a_longer_backlog_is_a_reset(cast, open_page):
    task = make(cast.owner, "Write", cast.project)
    seq = facts_about(task)[-1][0]
    state_many_updates(task, cast.owner, BACKLOG_EVENTS + 1)
    facts_about(task)
    for room in ("me", f"project:{cast.project.pk}", f"task:{task.pk}"):
        page = open_page(cast.member)
        page.subscribe(room, page.resume_from(seq))
        assert page.of_type("reset")[0]["reason"] == "backlog"
        assert page.events() == []


def test_after_a_reset_the_room_is_live(cast, open_page):
    page = open_page(cast.member)
    page.subscribe("me", {**page.resume_from(0), "epoch": page.hello["epoch"] + 1})
    assert page.of_type("reset")[0]["reason"] == "rights"
    make(cast.owner, "After", cast.project)
    page.until("event")
    assert page.titles() == ["After"]


def test_another_era_is_a_reset(cast, open_page):
    page = open_page(cast.member)
    page.subscribe("me", {**page.resume_from(10**12), "era": str(uuid.uuid4())})
    assert page.of_type("reset")[0]["reason"] == "era"
    make(cast.owner, "After", cast.project)
    assert page.until("event")["task"]["title"] == "After"


def test_a_seq_that_the_log_has_not_reached_is_a_reset(cast, open_page):
    page = open_page(cast.member)
    page.subscribe("me", page.resume_from(seq_of_everything() + 1_000))
    assert page.of_type("reset")[0]["reason"] == "era"
    make(cast.owner, "After", cast.project)
    assert page.until("event")["task"]["title"] == "After"


def test_a_restored_backup_resets_the_pages_that_are_open(cast, open_page, as_owner):
    page = open_page(cast.member)
    page.subscribe("me")
    before = page.hello["era"]
    as_owner.execute("UPDATE sequencer SET era = gen_random_uuid()")
    reset = page.until("reset", room="me")
    assert reset["reason"] == "era"
    with connection.cursor() as cursor:
        cursor.execute("SELECT era::text FROM sequencer")
        assert reset["era"] == cursor.fetchone()[0] != before


def test_a_personal_task_lost_while_the_page_was_cut_is_gone(cast, open_page):
    task = make(cast.member, "Between us", assignee_ids=[cast.admin.pk])
    seq = facts_about(task)[-1][0]
    tasks.unassign_task(actor=cast.member, task_id=task.pk, user_id=cast.admin.pk)
    tasks.edit_task(actor=cast.member, task_id=task.pk, changes={"title": "Mine again"})
    facts_about(task)
    page = open_page(cast.admin)
    page.subscribe("me", page.resume_from(seq))
    assert [frame["task"] for frame in page.of_type("gone")] == [task.pk]
    assert page.events() == []
    page.say(type="subscribe", room=f"task:{task.pk}", resume=page.resume_from(seq))
    assert page.until("gone", room=f"task:{task.pk}")["task"] == task.pk


def test_the_backlog_is_filtered_by_todays_rights(cast, open_page):
    make(cast.owner, "For insiders", cast.project)
    mine = make(cast.outsider, "Mine")
    facts_about(mine)
    page = open_page(cast.outsider)
    page.subscribe("me", page.resume_from(0))
    assert page.titles() == ["Mine"]
