"""What healthz says, and what a database that is away does to the rest."""

from analytics import database
from analytics.queries import dashboard

HEALTHZ = "/api/v1/analytics/healthz"
NO_DATABASE = "postgres://nobody:s3cret-word@127.0.0.1:1/nowhere"


def test_all_is_well(client, world):
    world.advance(42)
    response = client.get(HEALTHZ)
    assert response.status_code == 200
    health = response.get_json()
    assert health.pop("keys_age_s") >= 0
    assert health == {"status": "ok", "process": "ok", "database": "ok", "keys": "ok", "position": 42}


def test_a_database_that_is_away_is_503(start_client):
    client = start_client(database_url=NO_DATABASE)
    response = client.get(HEALTHZ)
    assert response.status_code == 503
    assert response.get_json()["database"] == "unavailable"
    assert response.get_json()["process"] == "ok"


def test_without_a_database_nobody_gets_in(start_client, send, signer, world):
    alice = world.person("alice")
    response = send(start_client(database_url=NO_DATABASE), signer.sign(alice.public_id, alice.sid))
    assert (response.status_code, response.get_json()["code"]) == (503, "database_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "s3cret-word" not in response.text


def test_a_database_without_our_grants_is_503(start_client, database):
    assert start_client(database_url=database.relay_url).get(HEALTHZ).status_code == 503


def test_connections_that_were_cut_are_replaced_unnoticed(ask, world):
    alice = world.person("alice")
    assert ask(alice).status_code == 200
    world.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'daybook-analytics' AND datname = current_database()"
    )
    assert ask(alice).status_code == 200


def test_a_lock_is_not_waited_for_longer_than_a_second(ask, world):
    alice = world.person("alice")
    with world.owner.transaction():
        world.owner.execute("LOCK TABLE analytics_task IN ACCESS EXCLUSIVE MODE")
        response = ask(alice)
    assert (response.status_code, response.get_json()["code"]) == (503, "database_unavailable")


def test_figures_that_take_too_long_are_cancelled_with_a_code(start_client, ask, world, monkeypatch):
    monkeypatch.setattr(database, "SESSION", "-c statement_timeout=50ms")
    client = start_client()
    monkeypatch.setattr(dashboard, "COUNT_TOTALS", "SELECT pg_sleep(5)")
    response = ask(world.person("alice"), through=client)
    assert (response.status_code, response.get_json()["code"]) == (503, "too_slow")
