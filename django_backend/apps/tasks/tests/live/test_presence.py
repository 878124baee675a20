"""Who is here, and who is typing."""

from __future__ import annotations

import time

import pytest

from apps.tasks.tests.live.conftest import running_server
from apps.tasks.tests.live.log import make

SOON = 10.0


@pytest.fixture
def room(cast):
    return f"task:{make(cast.owner, 'Write', cast.project).pk}"


def wait_for_people(page, room, *names):
    """Hear until exactly these are said to be in the room."""
    deadline = time.monotonic() + SOON
    while True:
        here = [frame for frame in page.of_type("here") if frame["room"] == room]
        if here and sorted(person["name"] for person in here[-1]["people"]) == sorted(names):
            return
        page.until("here", timeout=deadline - time.monotonic(), room=room)


def test_a_room_knows_who_is_in_it_by_name(cast, open_page, room):
    olga, gustav = open_page(cast.owner), open_page(cast.guest)
    olga.subscribe(room)
    wait_for_people(olga, room, "Olga")
    gustav.subscribe(room)
    for page in (olga, gustav):
        wait_for_people(page, room, "Gustav", "Olga")


@pytest.mark.parametrize("how", ["unsubscribe", "close", "cut"])
def test_leaving_is_noticed(cast, open_page, room, how):
    olga, gustav = open_page(cast.owner), open_page(cast.guest)
    for page in (olga, gustav):
        page.subscribe(room)
    wait_for_people(olga, room, "Gustav", "Olga")
    if how == "unsubscribe":
        gustav.say(type="unsubscribe", room=room)
    elif how == "close":
        gustav.connection.close()
    else:
        gustav.connection.socket.shutdown(2)
    wait_for_people(olga, room, "Olga")


def test_a_person_with_two_tabs_is_one_and_stays_until_both_are_closed(cast, open_page, room):
    olga, first, second = open_page(cast.owner), open_page(cast.guest), open_page(cast.guest)
    for page in (olga, first, second):
        page.subscribe(room)
    wait_for_people(olga, room, "Gustav", "Olga")
    first.connection.close()
    wait_for_people(second, room, "Gustav", "Olga")
    second.connection.close()
    wait_for_people(olga, room, "Olga")


def test_people_of_another_process_are_here_too(cast, open_page, second_server, room):
    olga, gustav = open_page(cast.owner), open_page(cast.guest, at=second_server)
    olga.subscribe(room)
    wait_for_people(olga, room, "Olga")
    gustav.subscribe(room)
    for page in (olga, gustav):
        wait_for_people(page, room, "Gustav", "Olga")
    gustav.connection.close()
    wait_for_people(olga, room, "Olga")


def test_typing_is_shown_to_the_others(cast, open_page, second_server, room):
    olga, mina = open_page(cast.owner), open_page(cast.member)
    gustav = open_page(cast.guest, at=second_server)
    for page in (olga, mina, gustav):
        page.subscribe(room)
    for page in (olga, mina, gustav):
        wait_for_people(page, room, "Gustav", "Mina", "Olga")
    olga.say(type="typing", room=room)
    for page in (mina, gustav):
        assert page.until("typing", room=room)["user"] == {"id": cast.owner.pk, "name": "Olga"}
    olga.say(type="ping")
    olga.until("pong")
    assert not olga.of_type("typing")


def test_an_outsider_is_neither_told_nor_shown(cast, open_page, room):
    olga, oskar = open_page(cast.owner), open_page(cast.outsider)
    olga.subscribe(room)
    oskar.say(type="subscribe", room=room)
    assert oskar.until("error", room=room)["code"] == "not_found"
    oskar.say(type="typing", room=room)
    assert oskar.until("error")["code"] == "not_subscribed"
    wait_for_people(olga, room, "Olga")
    assert not oskar.of_type("here")


@pytest.mark.full  # it waits for silence to be noticed
def test_the_people_of_a_killed_process_are_soon_gone(cast, open_page, room, django_db_setup):
    olga = open_page(cast.owner)
    olga.subscribe(room)
    with running_server() as doomed:
        gustav = open_page(cast.guest, at=doomed)
        gustav.subscribe(room)
        wait_for_people(olga, room, "Gustav", "Olga")
        doomed.process.kill()
        olga.until("here", timeout=25, room=room, people=[{"id": cast.owner.pk, "name": "Olga"}])
