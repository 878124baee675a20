"""The keys that verify tokens: fetched by a thread of their own, never in a request."""

import json
import time

import pytest

from analytics.auth.keys import UnusableKeySet, read_key_set


@pytest.fixture
def alice(world):
    return world.person("alice")


def test_until_keys_are_read_everyone_gets_503_and_then_they_get_in(
    start_client, fresh_key_server, send, signer, alice, wait
):
    fresh_key_server.status = 503
    client = start_client(await_keys=False, jwks_url=fresh_key_server.url)
    token = signer.sign(alice.public_id, alice.sid)
    response = send(client, token)
    assert (response.status_code, response.get_json()["code"]) == (503, "keys_unavailable")
    assert client.get("/api/v1/analytics/healthz").get_json()["keys"] == "unavailable"
    fresh_key_server.status = 200
    wait(lambda: send(client, token).status_code == 200)
    assert client.get("/api/v1/analytics/healthz").status_code == 200


def test_an_unknown_key_is_fetched_beside_the_request_and_known_to_a_later_one(
    start_client, fresh_key_server, send, signer, other_signer, alice, wait
):
    client = start_client(jwks_url=fresh_key_server.url)
    fresh_key_server.publish(signer, other_signer)
    token = other_signer.sign(alice.public_id, alice.sid)
    assert send(client, token).status_code == 401
    wait(lambda: send(client, token).status_code == 200)


def test_a_key_server_that_hangs_delays_no_request(
    start_client, fresh_key_server, send, signer, other_signer, alice, wait
):
    client = start_client(jwks_url=fresh_key_server.url)
    fresh_key_server.may_answer.clear()
    before = fresh_key_server.requests
    started = time.monotonic()
    assert send(client, other_signer.sign(alice.public_id, alice.sid)).status_code == 401
    assert time.monotonic() - started < 1
    wait(lambda: fresh_key_server.requests > before)
    assert send(client, signer.sign(alice.public_id, alice.sid)).status_code == 200


def test_many_unknown_keys_make_few_fetches(start_client, fresh_key_server, send, other_signer, alice, wait):
    client = start_client(jwks_url=fresh_key_server.url)
    token = other_signer.sign(alice.public_id, alice.sid)
    started = time.monotonic()
    for _ in range(60):
        assert send(client, token).status_code == 401
    wait(lambda: fresh_key_server.requests >= 2)
    assert fresh_key_server.requests <= 2 + (time.monotonic() - started)


def test_a_key_that_is_no_longer_published_is_no_longer_accepted(
    start_client, fresh_key_server, send, signer, other_signer, alice, wait
):
    client = start_client(jwks_url=fresh_key_server.url)
    ours = signer.sign(alice.public_id, alice.sid)
    assert send(client, ours).status_code == 200
    fresh_key_server.publish(other_signer)
    send(client, other_signer.sign(alice.public_id, alice.sid))
    wait(lambda: send(client, ours).status_code == 401)


def test_an_answer_that_is_no_key_set_leaves_the_known_keys_good(
    start_client, fresh_key_server, send, signer, other_signer, alice, wait
):
    client = start_client(jwks_url=fresh_key_server.url)
    fresh_key_server.body = b"<html>"
    before = fresh_key_server.requests
    send(client, other_signer.sign(alice.public_id, alice.sid))
    wait(lambda: fresh_key_server.requests >= before + 2)  # it is asked again because the first was of no use
    assert send(client, signer.sign(alice.public_id, alice.sid)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct"}, 7]}']
)
def test_an_answer_without_usable_keys_is_no_key_set(body):
    with pytest.raises(ValueError):
        read_key_set(body)


@pytest.mark.parametrize(
    "changed", [{"alg": "HS256"}, {"use": "enc"}, {"kty": "EC"}, {"kid": 7}, {"d": "AQAB"}]
)
def test_only_public_rsa_keys_that_sign_with_rs256_are_taken(signer, other_signer, changed):
    body = json.dumps({"keys": [{**other_signer.jwk, **changed}, signer.jwk]}).encode()
    assert set(read_key_set(body)) == {signer.kid}


@pytest.mark.parametrize("modulus", ["AQAB", "", 7, None, "!"])
def test_a_malformed_key_spoils_the_whole_set(signer, modulus):
    body = json.dumps({"keys": [{**signer.jwk, "n": modulus}]}).encode()
    with pytest.raises(UnusableKeySet):
        read_key_set(body)
