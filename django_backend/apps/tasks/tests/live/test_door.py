"""Who may open a socket, what it may take up, and how it ends."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from apps.tasks.live import limits
from apps.tasks.services import tasks
from apps.tasks.tests.live.log import facts_about, heard_about, make, seq_of_everything
from apps.tasks.tests.live.page import Page, cookie_of
from apps.users.services.tickets import issue_socket_ticket
from apps.users.tests.factories import make_session


@pytest.fixture
def knock(server, relay, transactional_db):
    """`knock(origin=…, cookie=…, query=…)`: a socket that nobody vouches for."""
    with ExitStack() as stack:

        def open_one(*, origin=server.origin, cookie=None, query=""):
            headers = {"Cookie": cookie} if cookie else {}
            connection = connect(server.url + query, origin=origin, additional_headers=headers)
            stack.enter_context(connection)
            return Page(connection)

        yield open_one


def test_a_stranger_is_closed_with_4401(knock):
    assert knock().close_code() == 4401


def test_a_forged_cookie_is_closed_with_4401(cast, knock):
    assert knock(cookie=cookie_of(cast.member)[:-2] + "xx").close_code() == 4401


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1:1", None])
def test_a_page_of_another_origin_is_closed_with_4403(cast, knock, origin):
    assert knock(origin=origin, cookie=cookie_of(cast.member)).close_code() == 4403


def test_the_names_of_the_loopback_address_are_one_origin(cast, knock, server):
    page = knock(origin=server.origin.replace("127.0.0.1", "localhost"), cookie=cookie_of(cast.member))
    assert page.until("hello")["user"] == cast.member.pk


def test_a_ticket_opens_one_socket(cast, knock):
    session = make_session(cast.member)
    ticket = issue_socket_ticket(actor=cast.member, sid=session.sid)
    page = knock(origin=None, query=f"?ticket={ticket}")
    assert page.until("hello")["user"] == cast.member.pk
    assert knock(origin=None, query=f"?ticket={ticket}").close_code() == 4401


def test_there_is_no_socket_elsewhere(cast, server, relay):
    with pytest.raises(InvalidStatus):
        connect(server.url + "admin/", origin=server.origin)


def test_hello_says_where_the_log_stands(cast, open_page):
    seq = seq_of_everything()
    page = open_page(cast.member)
    assert page.hello["user"] == cast.member.pk
    cast.member.refresh_from_db()
    assert page.hello["epoch"] == cast.member.access_epoch
    page.subscribe("me")
    assert page.heard[-1]["seq"] >= seq or page.of_type("subscribed")[0]["seq"] >= seq


BAD = {
    "not JSON": ("{", "bad_json"),
    "nested without end": ("[" * 50_000, "bad_json"),
    "no object": ("[]", "bad_frame"),
    "no type": ("{}", "bad_frame"),
    "an unknown type": ('{"type":"shout"}', "unknown_type"),
    "no room": ('{"type":"subscribe"}', "bad_room"),
    "a room of another kind": ('{"type":"subscribe","room":"team:1"}', "bad_room"),
    "a room with text for an id": ('{"type":"subscribe","room":"task:1 OR 1=1"}', "bad_room"),
    "a resume without an era": ('{"type":"subscribe","room":"me","resume":{"seq":1}}', "bad_resume"),
    "a negative seq": (
        '{"type":"subscribe","room":"me",'
        '"resume":{"seq":-1,"epoch":0,"era":"00000000-0000-0000-0000-000000000000"}}',
        "bad_resume",
    ),
    "typing where one is not": ('{"type":"typing","room":"task:1"}', "not_subscribed"),
    "bytes": (b"{}", "not_text"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_frame_that_makes_no_sense_is_answered_and_the_socket_stays(cast, open_page, what):
    frame, code = BAD[what]
    page = open_page(cast.member)
    page.connection.send(frame)
    assert page.until("error")["code"] == code
    page.say(type="ping")
    page.until("pong")


def test_an_oversize_frame_closes_the_socket(cast, open_page):
    page = open_page(cast.member)
    page.say(type="ping", pad="x" * limits.FRAME_BYTES)
    assert page.close_code() == 1009


def test_an_oversize_message_in_small_pieces_closes_the_socket(cast, open_page):
    page = open_page(cast.member)
    page.connection.send(iter(["x" * 1_000] * 70))
    assert page.close_code() == 4413
    assert page.of_type("error")[0]["code"] == "frame_too_big"


def test_a_frame_of_the_largest_size_is_taken(cast, open_page):
    page = open_page(cast.member)
    frame = json.dumps({"type": "ping", "pad": ""})
    page.say(type="ping", pad="x" * (limits.FRAME_BYTES - len(frame)))
    page.until("pong")


def test_a_hasty_client_is_told_and_closed(cast, open_page):
    page = open_page(cast.member)
    with suppress(ConnectionClosed):
        for _ in range(2 * limits.FRAME_BURST):
            page.say(type="ping")
    assert page.close_code() == 4429
    assert page.of_type("error")[0]["code"] == "too_fast"


def test_a_socket_is_in_fifty_rooms_at_most(cast, open_page):
    made = [make(cast.member, f"Task {number}") for number in range(limits.SUBSCRIPTIONS_PER_SOCKET + 1)]
    page = open_page(cast.member)
    for task in made[:-1]:
        page.say(type="subscribe", room=f"task:{task.pk}")
    while len(page.of_type("subscribed")) < limits.SUBSCRIPTIONS_PER_SOCKET:
        page.until("subscribed")
    page.say(type="subscribe", room=f"task:{made[-1].pk}")
    assert page.until("error")["code"] == "too_many_rooms"
    page.say(type="unsubscribe", room=f"task:{made[0].pk}")
    page.subscribe(f"task:{made[-1].pk}")


def test_a_person_has_fifty_sockets_at_most(cast, open_page, knock):
    session = make_session(cast.member, kind="web")
    pages = [open_page(session) for _ in range(limits.SOCKETS_PER_PERSON)]
    assert knock(cookie=cookie_of(session)).close_code() == 4409
    pages[0].connection.close()
    deadline = time.monotonic() + 10
    while knock(cookie=cookie_of(session)).hear()["type"] != "hello":
        assert time.monotonic() < deadline
    open_page(cast.owner)


def test_an_idle_socket_lives_and_then_hears(cast, open_page):
    """Longer than redis-py's own timeout of 5 s, twice over; all it hears meanwhile is where the log stands."""
    page = open_page(cast.member)
    page.subscribe("me")
    began = time.monotonic()
    while time.monotonic() - began < 11:
        assert page.until("watermark", timeout=12)["seq"] >= page.hello["seq"]
    task = make(cast.owner, "At last", cast.project)
    sent = time.monotonic()
    page.until("event")
    assert time.monotonic() - sent < 2
    assert heard_about(page.events()) == facts_about(task)
    assert {frame["type"] for frame in page.heard} <= {"hello", "subscribed", "watermark", "event"}


def test_a_client_that_does_not_read_is_closed_and_resumes(cast, open_page, server):
    """It has a small window and reads nothing while some 30 MB are meant for it."""
    small = socket.create_connection(("127.0.0.1", server.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    slow = open_page(cast.member, sock=small, max_queue=1, max_size=None, ping_interval=None)
    quick = open_page(cast.admin, max_size=None)
    for page in (slow, quick):
        page.subscribe("me")
    seq = seq_of_everything()
    task = make(cast.owner, "Long", cast.project)
    for number in range(100):
        text = f"{number} " + "x" * 99_000
        tasks.edit_task(actor=cast.owner, task_id=task.pk, changes={"description": text})
        quick.until("event")
    expected = facts_about(task)
    while quick.events()[-1]["seq"] < expected[-1][0]:
        quick.until("event")
    assert heard_about(quick.events()) == expected, "others are not held up"
    deadline = time.monotonic() + 20
    with pytest.raises(ConnectionClosed):
        while time.monotonic() < deadline:
            slow.hear(1)
    before = heard_about(slow.events())
    assert before == expected[: len(before)] != expected
    again = open_page(cast.member, max_size=None)
    again.say(type="subscribe", room="me", resume=again.resume_from(before[-1][0] if before else seq))
    again.until("event", seq=expected[-1][0])
    assert before + heard_about(again.events()) == expected


def test_two_processes_tell_the_same(cast, open_page, server, second_server):
    pages = [open_page(cast.member, at=server), open_page(cast.member, at=second_server)]
    for page in pages:
        page.subscribe("me")
    made = [make(cast.owner, f"Task {number}", cast.project) for number in range(5)]
    answer = pages[0].command("create_task", "key-1", title="By socket", project_id=cast.project.pk)
    expected = facts_about(*made)
    last = seq_of_everything()
    for page in pages:
        while not page.events() or page.events()[-1]["seq"] < last:
            page.until("event")
        assert heard_about(page.events())[:5] == expected
        assert page.events()[-1]["task"]["id"] == answer["body"]["id"]


def test_a_page_resumes_at_another_process(cast, open_page, second_server):
    page = open_page(cast.member)
    page.subscribe("me")
    one = make(cast.owner, "Here", cast.project)
    seq = page.until("event")["seq"]
    page.connection.close()
    two = make(cast.owner, "Between", cast.project)
    other = open_page(cast.member, at=second_server)
    other.say(type="subscribe", room="me", resume=page.resume_from(seq))
    other.until("event")
    assert heard_about(page.events() + other.events()) == facts_about(one, two)
