"""Only a token that we signed, for us, of the right kind, that has not ended, says anything about anybody."""

import base64
import json
import time
from uuid import uuid4

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from apps.common.auth.keys import load_keys
from apps.common.auth.tokens import AccessToken, RefreshToken, TokenInvalid, new_token, read_token
from apps.users.tests.factories import make_session, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    return make_session(make_user("olga"))


@pytest.fixture
def ask(api, session):
    """Ask the API who one is with a token made of these claims and this header."""

    def asked(*, key=None, algorithm="RS256", header=None, without=(), **changes):
        token = forged(session, key=key, algorithm=algorithm, header=header, without=without, **changes)
        return answer_to(api, token)

    return asked


def answer_to(api, token):
    answer = api().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {token}")
    return answer.status_code, answer.json().get("code")


def forged(session, *, key=None, algorithm="RS256", header=None, without=(), **changes):
    now = int(time.time())
    claims = {
        "iss": "http://127.0.0.1:8000",
        "aud": "daybook",
        "sub": str(session.user.public_id),
        "sid": str(session.sid),
        "exp": now + 900,
        "iat": now,
        "jti": uuid4().hex,
        "token_type": "access",
        **changes,
    }
    keys = load_keys()
    used = {"typ": "at+jwt", "kid": keys.signing_kid} | (header or {})
    kept = {name: value for name, value in claims.items() if name not in without}
    return jwt.encode(kept, keys.private if key is None else key, algorithm=algorithm, headers=used)


REFUSED = (401, "token_invalid")


def test_the_token_as_we_sign_it_is_taken(ask):
    assert ask() == (200, None)


@pytest.mark.parametrize("which", ["pem", "der", "jwk"])
def test_hs256_signed_with_our_public_key_is_refused(api, session, which):
    public = load_keys().public[load_keys().signing_kid]
    secrets = {
        "pem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "der": public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "jwk": json.dumps(load_keys().jwks()["keys"][0]).encode(),
    }

    assert answer_to(api, hs256(forged(session), secrets[which])) == REFUSED


def hs256(token, secret):
    """The same claims under HS256, by hand: the library refuses to sign with a public key."""
    import hashlib
    import hmac

    header = {"alg": "HS256", "typ": "at+jwt", "kid": load_keys().signing_kid}
    signed = f"{base64url(json.dumps(header).encode())}.{token.split('.')[1]}"
    return f"{signed}.{base64url(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
def test_an_unsigned_token_is_refused(api, session, algorithm):
    header = {"alg": algorithm, "typ": "at+jwt", "kid": load_keys().signing_kid}
    body = forged(session).split(".")[1]

    for signature in ("", "AAAA"):
        assert answer_to(api, f"{base64url(json.dumps(header).encode())}.{body}.{signature}") == REFUSED


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_no_other_algorithm_of_our_own_key_is_taken(ask, algorithm):
    assert ask(algorithm=algorithm) == REFUSED


@pytest.mark.parametrize(
    "header",
    [{"kid": "unknown"}, {"kid": "../signing"}, {"typ": "JWT"}, {"typ": "rt+jwt"}, {"typ": "at+JWT2"}],
)
def test_an_unknown_key_or_another_kind_of_token_is_refused(ask, header):
    assert ask(header=header) == REFUSED


def test_a_token_without_kid_is_refused(api, session):
    claims = jwt.decode(forged(session), options={"verify_signature": False})
    token = jwt.encode(claims, load_keys().private, algorithm="RS256", headers={"typ": "at+jwt"})

    assert answer_to(api, token) == REFUSED


def test_a_strangers_key_under_our_kid_is_refused(ask):
    assert ask(key=generate_private_key(public_exponent=65537, key_size=2048)) == REFUSED


def test_a_key_that_the_token_brings_along_is_not_used(ask):
    stranger = generate_private_key(public_exponent=65537, key_size=2048)
    brought = {"jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key()))}

    assert ask(key=stranger, header=brought) == REFUSED


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://evil.example"},
        {"iss": "http://127.0.0.1:8000/"},
        {"aud": "another"},
        {"token_type": "refresh"},
        {"sub": "1"},
        {"sid": "not-a-uuid"},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_a_wrong_claim_is_refused(ask, claims):
    assert ask(**claims) == REFUSED


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "exp", "iat", "jti", "token_type"])
def test_a_missing_claim_is_refused(ask, name):
    assert ask(without=(name,)) == REFUSED


def test_a_token_that_has_expired_says_so(api, session):
    token = new_token(AccessToken, public_id=session.user.public_id, sid=session.sid)

    with time_machine.travel(time.time() + 14 * 60 + 58):
        assert answer_to(api, token) == (200, None)
    with time_machine.travel(time.time() + 15 * 60 + 1):
        assert answer_to(api, token) == (401, "token_expired")


@pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", "….….…", "x" * 9000])
def test_nonsense_is_refused(api, text):
    assert answer_to(api, text.encode("ascii", "replace").decode()) == REFUSED


def test_a_changed_token_is_refused(api, session):
    head, body, signature = forged(session).split(".")
    other = base64url(base64.urlsafe_b64decode(body + "==").replace(b"daybook", b"xaybook"))

    assert answer_to(api, f"{head}.{other}.{signature}") == REFUSED
    assert answer_to(api, f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}") == REFUSED


def test_a_refresh_token_is_no_access_token(api, session):
    refresh = new_token(RefreshToken, public_id=session.user.public_id, sid=session.sid)

    assert answer_to(api, refresh) == REFUSED


def test_a_token_of_somebody_else_s_session_is_refused(api, session):
    ben = make_user("ben")
    token = new_token(AccessToken, public_id=ben.public_id, sid=session.sid)

    assert answer_to(api, token) == (401, "session_ended")


def test_a_token_in_the_address_is_not_looked_at(api, session):
    token = new_token(AccessToken, public_id=session.user.public_id, sid=session.sid)

    assert api().get(f"/api/users/me/?access_token={token}&token={token}").status_code == 401


def test_verification_can_t_be_switched_off(session):
    token = str(new_token(AccessToken, public_id=session.user.public_id, sid=session.sid))

    with pytest.raises(Exception, match="invalid"):
        AccessToken(token, verify=False)
    assert read_token(AccessToken, token).sid == session.sid
    with pytest.raises(TokenInvalid):
        read_token(RefreshToken, token)
