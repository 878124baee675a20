"""Who gets in: an RS256 access token of ours, for a session that still holds."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization


@pytest.fixture
def alice(world):
    return world.person("alice")


def encode(part):
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def assert_refused(response, code):
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["code"] == code
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "totals" not in response.text


def test_a_token_of_ours_gets_in(ask, alice):
    assert ask(alice).status_code == 200


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token abc"])
def test_a_request_without_a_bearer_token_is_asked_to_sign_in(client, value):
    headers = {} if value is None else {"Authorization": value}
    response = client.get("/api/v1/analytics/dashboard", headers=headers)
    assert_refused(response, "not_signed_in")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://elsewhere.example"},
        {"iss": "http://127.0.0.1:8000/"},
        {"aud": "another-service"},
        {"aud": []},
        {"token_type": "refresh"},
        {"sub": "7"},
        {"sid": "not-a-uuid"},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"exp": "tomorrow"},
    ],
    ids=lambda claims: next(f"{name}={value}" for name, value in claims.items()),
)
def test_a_wrong_claim_is_refused(client, send, signer, alice, claims):
    token = signer.sign(**{"sub": alice.public_id, "sid": alice.sid, **claims})
    assert_refused(send(client, token), "token_invalid")


@pytest.mark.parametrize("name", ["sub", "sid", "iss", "aud", "exp", "iat", "jti", "token_type"])
def test_a_token_without_one_of_its_claims_is_refused(client, send, signer, claims_of, alice, name):
    claims = claims_of(alice.public_id, alice.sid)
    del claims[name]
    token = jwt.encode(claims, signer.private, "RS256", {"typ": "at+jwt", "kid": signer.kid})
    assert_refused(send(client, token), "token_invalid")


@pytest.mark.parametrize(
    "headers", [{"typ": "JWT"}, {"typ": None}, {"kid": None}, {"crit": ["exp"], "exp": 1}]
)
def test_a_wrong_header_is_refused(client, send, signer, alice, headers):
    token = signer.sign(alice.public_id, alice.sid, headers=headers)
    assert_refused(send(client, token), "token_invalid")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_the_same_key_is_refused(client, send, signer, claims_of, alice, algorithm):
    header = {"typ": "at+jwt", "kid": signer.kid}
    token = jwt.encode(claims_of(alice.public_id, alice.sid), signer.private, algorithm, header)
    assert_refused(send(client, token), "token_invalid")


def test_hs256_with_the_public_key_as_its_secret_is_refused(client, send, signer, claims_of, alice):
    pem = signer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = encode({"alg": "HS256", "typ": "at+jwt", "kid": signer.kid})
    signed = f"{header}.{encode(claims_of(alice.public_id, alice.sid))}"
    token = f"{signed}.{encode(hmac.digest(pem, signed.encode(), hashlib.sha256))}"
    assert_refused(send(client, token), "token_invalid")


def test_an_unsigned_token_is_refused(client, send, signer, claims_of, alice):
    header = encode({"alg": "none", "typ": "at+jwt", "kid": signer.kid})
    assert_refused(
        send(client, f"{header}.{encode(claims_of(alice.public_id, alice.sid))}."), "token_invalid"
    )


def test_a_stranger_s_signature_under_our_kid_is_refused(client, send, signer, other_signer, alice):
    token = other_signer.sign(alice.public_id, alice.sid, headers={"kid": signer.kid})
    assert_refused(send(client, token), "token_invalid")


def test_a_key_inside_the_token_is_not_believed(client, send, signer, other_signer, alice):
    headers = {"kid": signer.kid, "jwk": other_signer.jwk, "jku": "http://elsewhere.example/keys"}
    assert_refused(
        send(client, other_signer.sign(alice.public_id, alice.sid, headers=headers)), "token_invalid"
    )


def test_an_unknown_key_is_refused(client, send, other_signer, alice):
    assert_refused(send(client, other_signer.sign(alice.public_id, alice.sid)), "unknown_signing_key")


def test_an_expired_token_is_refused_and_says_so(client, send, signer, alice):
    token = signer.sign(alice.public_id, alice.sid, exp=int(time.time()) - 10)
    assert_refused(send(client, token), "token_expired")


def test_a_token_whose_claims_were_changed_is_refused(client, send, signer, claims_of, world, alice):
    boss = world.person("boss", staff=True)
    header, _, signature = signer.sign(alice.public_id, alice.sid).split(".")
    token = f"{header}.{encode(claims_of(boss.public_id, boss.sid))}.{signature}"
    assert_refused(send(client, token), "token_invalid")


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "a" * 200, "\xff.\xff.\xff"])
def test_rubbish_is_refused(client, send, token):
    assert_refused(send(client, token), "token_invalid")


def test_a_good_token_larger_than_8_kb_is_refused(client, send, signer, alice):
    token = signer.sign(alice.public_id, alice.sid, padding="x" * 8192)
    assert_refused(send(client, token), "token_invalid")


@pytest.mark.parametrize("moment", ["ended_at", "expires_at", "idle_until"])
def test_a_session_that_is_over_is_refused_though_its_token_is_not(ask, world, alice, moment):
    sid = world.session(alice.id, **{moment: datetime.now(UTC) - timedelta(seconds=1)})
    assert_refused(ask(alice, sid=sid), "session_ended")


def test_a_session_that_ends_is_refused_at_once(ask, world, alice):
    assert ask(alice).status_code == 200
    world.owner.execute("UPDATE users_session SET ended_at = now() WHERE sid = %s", (alice.sid,))
    assert_refused(ask(alice), "session_ended")


def test_a_person_who_is_deactivated_is_refused_at_once(ask, world, alice):
    assert ask(alice).status_code == 200
    world.owner.execute("UPDATE users_user SET is_active = false WHERE id = %s", (alice.id,))
    assert_refused(ask(alice), "session_ended")


def test_a_session_of_somebody_else_is_refused(ask, world, alice):
    assert_refused(ask(alice, sid=world.person("boss", staff=True).sid), "session_ended")


def test_a_session_that_never_was_is_refused(ask, alice):
    assert_refused(ask(alice, sid=uuid4()), "session_ended")


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_every_scope_may_read(ask, world, alice, scope):
    assert ask(alice, sid=world.session(alice.id, scope=scope)).status_code == 200
