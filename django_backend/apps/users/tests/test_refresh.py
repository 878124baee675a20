"""A refresh token is good for one exchange; a copy that turns up later ends the family."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.users.models import Session, User
from apps.users.services.sessions import (
    SessionEnded,
    TokenReused,
    TokenRotated,
    refresh_tokens,
    sign_in_client,
    sign_out,
)
from apps.users.tests.events import facts
from apps.users.tests.factories import PASSWORD, make_user


def signed_in_client():
    make_user("olga", password=PASSWORD)
    return sign_in_client(login="olga", password=PASSWORD)


@pytest.mark.django_db
def test_a_refresh_token_gives_a_new_pair_of_the_same_session(api):
    session, pair = signed_in_client()

    answer = api().post("/api/auth/refresh/", {"refresh": pair.refresh}, format="json")

    body = answer.json()
    assert answer.status_code == 200 and body["refresh"] != pair.refresh
    me = api().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    assert me.json()["username"] == "olga"
    assert Session.objects.get().sid == session.sid


@pytest.mark.django_db
def test_a_repeat_within_ten_seconds_is_refused_and_ends_nothing():
    _, pair = signed_in_client()
    newer = refresh_tokens(refresh=pair.refresh)

    with pytest.raises(TokenRotated):
        refresh_tokens(refresh=pair.refresh)

    assert Session.objects.get().ended_at is None
    assert refresh_tokens(refresh=newer.refresh).access


@pytest.mark.django_db
def test_a_repeat_after_ten_seconds_ends_the_whole_family():
    session, pair = signed_in_client()
    newer = refresh_tokens(refresh=pair.refresh)

    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        with pytest.raises(TokenReused):
            refresh_tokens(refresh=pair.refresh)
        with pytest.raises(SessionEnded):
            refresh_tokens(refresh=newer.refresh)

    session.refresh_from_db()
    assert session.ended_because == "refresh token reused"
    assert len(facts("user.signed_out")) == 1


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_family_stays_written_when_the_answer_is_an_error(api, as_owner):
    _, pair = signed_in_client()
    refresh_tokens(refresh=pair.refresh)

    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        answer = api().post("/api/auth/refresh/", {"refresh": pair.refresh}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (401, "token_reused")
    assert as_owner.execute("SELECT ended_because FROM users_session").fetchall() == [
        ("refresh token reused",)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["signed out", "deactivated"])
def test_a_session_that_ended_is_not_refreshed(how):
    session, pair = signed_in_client()
    if how == "deactivated":
        User.objects.update(is_active=False)
    else:
        sign_out(actor=session.user, sid=session.sid)

    with pytest.raises(SessionEnded):
        refresh_tokens(refresh=pair.refresh)


@pytest.mark.django_db
def test_a_refresh_token_is_stored_nowhere():
    _, pair = signed_in_client()

    row = OutstandingToken.objects.get()
    assert pair.refresh not in (row.token, row.jti) and row.token == str(Session.objects.get().sid)


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["access", "nonsense"])
def test_only_a_refresh_token_refreshes(api, which):
    _, pair = signed_in_client()
    text = pair.access if which == "access" else "nonsense"

    answer = api().post("/api/auth/refresh/", {"refresh": text}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.django_db(transaction=True)
def test_of_five_who_refresh_at_once_exactly_one_wins_and_no_family_ends():
    user = make_user("olga", password=PASSWORD)
    tokens = [sign_in_client(login="olga", password=PASSWORD)[1].refresh for _ in range(40)]
    rivals, winners = 5, []

    with ThreadPoolExecutor(rivals) as pool:
        for token in tokens:
            start = Barrier(rivals)
            outcomes = list(pool.map(lambda _, t=token, s=start: race(t, s), range(rivals)))
            (winner,) = [outcome for outcome in outcomes if outcome != "rotated"]
            winners.append(winner)
        list(pool.map(lambda _: connection.close(), range(rivals)))

    assert Session.objects.filter(user=user, ended_at=None).count() == 40
    assert OutstandingToken.objects.count() == 80
    assert all(refresh_tokens(refresh=winner).access for winner in winners)


def race(token: str, start: Barrier) -> str:
    """One rival, on a connection of its thread's own: the new token, or why there is none."""
    connection.ensure_connection()
    start.wait(timeout=30)
    try:
        return refresh_tokens(refresh=token).refresh
    except TokenRotated:
        return "rotated"
    finally:
        connection.close()
