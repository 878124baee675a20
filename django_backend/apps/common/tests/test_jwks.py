"""The published keys verify what we sign, and give nothing away."""

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from apps.common.auth.keys import load_keys
from apps.users.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def test_a_token_verifies_with_the_published_keys(client, api):
    make_user("olga", password=PASSWORD)
    access = (
        api()
        .post("/api/auth/login/", {"login": "olga", "password": PASSWORD}, format="json")
        .json()["access"]
    )

    published = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json())
    key = published[jwt.get_unverified_header(access)["kid"]]
    claims = jwt.decode(access, key, algorithms=["RS256"], audience="daybook", issuer="http://127.0.0.1:8000")

    assert set(claims) >= {"sub", "sid"}


def test_only_the_public_halves_are_published(client):
    answer = client.get("/.well-known/jwks.json")

    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert (key["kty"], key["alg"], key["use"], key["kid"]) == (
        "RSA",
        "RS256",
        "sig",
        load_keys().signing_kid,
    )
    assert answer["Cache-Control"] == "public, max-age=300"
    assert client.post("/.well-known/jwks.json").status_code == 405


def test_the_public_key_is_the_one_that_signs(client):
    body = client.get("/api/auth/public-key/").json()

    key = load_pem_public_key(body["public_key"].encode())
    assert key.key_size == 3072 and body["kid"] == load_keys().signing_kid and body["alg"] == "RS256"
    assert "PRIVATE" not in body["public_key"]


def test_asking_for_the_keys_costs_no_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/.well-known/jwks.json")


def test_the_key_s_name_is_its_thumbprint():
    key = load_keys().public[load_keys().signing_kid]
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True)
    import base64
    import hashlib
    import json

    members = json.dumps(
        {name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True
    )
    digest = hashlib.sha256(members.encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == load_keys().signing_kid
    assert key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
