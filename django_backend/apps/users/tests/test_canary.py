"""Known secrets go through every door, and turn up in no log line, event, idempotency row or error page."""

import pytest
from django.db import connection
from rest_framework.test import APIClient

from apps.users.tests.authenticator import with_second_factor
from apps.users.tests.factories import make_team, make_user
from apps.users.tests.mailbox import secret_mailed_to

pytestmark = pytest.mark.django_db

CANARY = "canary-Nightingale-7731"
TABLES = (
    "event",
    "event_pending",
    "history",
    "idempotency",
    "job_run",
    "users_accountmail",
    "users_ratelimit",
)


def bearer(secret):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def stored():
    found = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            found.append(cursor.fetchone()[0] or "")
    return " ".join(found)


def test_no_secret_is_left_anywhere(api, client, capfd):
    olga = make_user("olga", password=CANARY)
    team, me = make_team(olga), api(olga)
    answers = [
        api().post("/api/auth/login/", {"login": "olga", "password": CANARY}, format="json"),
        api().post("/api/auth/login/", {"login": "nobody", "password": CANARY}, format="json"),
        client.post("/sign-in/", {"login": "olga", "password": CANARY + "x"}),
        client.post("/register/", {"password": CANARY}),
        me.post("/api/users/me/password/", {"current_password": CANARY, "password": "short"}, format="json"),
    ]
    pair = answers[0].json()
    token = me.post("/api/auth/tokens/", {"name": "t", "scope": "admin"}, format="json").json()["token"]
    exchanged = bearer(token).post("/api/auth/token-exchange/").json()["access"]
    ticket = bearer(pair["access"]).post("/api/auth/ws-ticket/").json()["ticket"]
    link = me.post(f"/api/teams/{team.pk}/invitations/", {"role": "guest"}, format="json").json()["link"]
    api().post("/api/auth/password-reset/", {"email": olga.email}, format="json")
    reset = secret_mailed_to(olga.email)
    _, codes = with_second_factor(olga)
    answers += [
        bearer(pair["access"] + "x").get("/api/users/me/"),
        bearer(token + "x").get("/api/users/me/"),
        api().post("/api/auth/refresh/", {"refresh": pair["refresh"] + "x"}, format="json"),
        api().post("/api/auth/password-reset/confirm/", {"token": reset, "password": "x"}, format="json"),
        client.get(f"/reset-password/{reset}x/"),
        bearer(pair["access"]).post("/api/teams/", {"name": "T"}, format="json", HTTP_IDEMPOTENCY_KEY="once"),
    ]

    secrets = {
        "password": CANARY,
        "access": pair["access"].split(".")[2],
        "refresh": pair["refresh"].split(".")[2],
        "token": token,
        "exchanged": exchanged.split(".")[2],
        "ticket": ticket,
        "invitation": link.rstrip("/").rpartition("/")[2],
        "reset": reset,
        "recovery": codes[0],
    }
    said = capfd.readouterr()
    places = {
        "log": said.out + said.err,
        "tables": stored(),
        "error answers": " ".join(answer.content.decode() for answer in answers if answer.status_code >= 400),
    }
    leaks = [
        (name, place) for name, secret in secrets.items() for place, text in places.items() if secret in text
    ]
    assert leaks == []
    # It is the real log that was looked at, with the addresses of those requests in it.
    assert "/reset-password/***/" in places["log"] and "/api/auth/login/" in places["log"]
