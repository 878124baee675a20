"""Who opens a socket."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.common.auth.sockets import authenticate_socket, origin_is_ours
from apps.users.models import Session, SocketTicket
from apps.users.services.sessions import sign_out
from apps.users.tests.cast import browser_of, client_of
from apps.users.tests.factories import make_user

OURS = "http://127.0.0.1:8000"


def scope(*, cookie=None, ticket=None, origin=OURS):
    headers = [(b"host", b"127.0.0.1:8000")]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    if cookie is not None:
        headers.append((b"cookie", f"csrf=1; session={cookie}".encode()))
    query = f"ticket={ticket}" if ticket else ""
    return {"type": "websocket", "path": "/ws/", "headers": headers, "query_string": query.encode()}


def opened(**asked):
    return asyncio.run(authenticate_socket(scope(**asked)))


@pytest.fixture
def olga(transactional_db):
    return make_user("olga")


def cookie_of(person):
    return browser_of(person).cookies["session"].value


def ticket_of(person):
    return client_of(person).post("/api/auth/ws-ticket/").json()["ticket"]


def test_the_page_s_cookie_opens_a_socket(olga):
    live = opened(cookie=cookie_of(olga))

    assert (live.user_id, live.kind, live.sid) == (olga.pk, "web", Session.objects.get().sid)


def test_a_ticket_opens_one_socket_and_needs_no_origin(olga):
    ticket = ticket_of(olga)

    assert opened(ticket=ticket, origin=None).user_id == olga.pk
    assert opened(ticket=ticket, origin=None) is None


def test_a_ticket_is_stored_as_its_digest_and_ends_after_thirty_seconds(olga):
    ticket = ticket_of(olga)
    row = SocketTicket.objects.get()
    assert ticket.encode() not in bytes(row.digest)
    assert row.expires_at - timezone.now() <= timedelta(seconds=30)
    SocketTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert opened(ticket=ticket) is None


def test_a_session_that_ended_opens_nothing(olga):
    cookie, ticket = cookie_of(olga), ticket_of(olga)
    for session in Session.objects.all():
        sign_out(actor=olga, sid=session.sid)

    assert opened(cookie=cookie) is None and opened(ticket=ticket) is None


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (OURS, True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8001", False),
        ("https://127.0.0.1:8000", False),
        ("https://evil.example", False),
        ("http://127.0.0.1:8000.evil.example", False),
        ("null", False),
        ("http://127.0.0.1:99999", False),
        (None, False),
    ],
)
def test_a_cookie_counts_only_from_our_own_pages(olga, origin, allowed):
    assert origin_is_ours(scope(cookie="x", origin=origin)) is allowed
    assert (opened(cookie=cookie_of(olga), origin=origin) is not None) is allowed


@pytest.mark.parametrize("cookie", [None, "", "nonsense", "a:b:c"])
def test_nonsense_opens_nothing(olga, cookie):
    assert opened(cookie=cookie) is None and opened(ticket="nonsense") is None
