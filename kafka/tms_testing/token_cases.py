"""One list of access tokens, good and bad, that Django and the analytics service must answer alike.

Each case makes its text from a `Forge`: the signing key of the service under test and a person with a live session.
Tokens are put together by hand, because libraries refuse to make most of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

Json = dict[str, Any]
INVALID = frozenset({"token_invalid"})
# The analytics service tells of an unknown key by itself: it may learn of it a moment later.
UNKNOWN_KEY = frozenset({"token_invalid", "unknown_signing_key"})
EXPIRED = frozenset({"token_expired"})
ENDED = frozenset({"session_ended"})
GOOD: frozenset[str] = frozenset()
OVERSIZE = 8 * 1024
DER = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
PEM = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


@dataclass(frozen=True, slots=True)
class Forge:
    """What a forger may know and, for what only we could sign, our own key. `other_*` are another person's."""

    kid: str
    private: RSAPrivateKey
    stranger: RSAPrivateKey
    issuer: str
    sub: UUID
    sid: UUID
    other_sub: UUID
    other_sid: UUID

    def header(self, **changed: Any) -> Json:
        return _changed({"alg": "RS256", "typ": "at+jwt", "kid": self.kid}, changed)

    def claims(self, **changed: Any) -> Json:
        now = int(time.time())
        claims = {
            "sub": str(self.sub),
            "sid": str(self.sid),
            "iss": self.issuer,
            "aud": "daybook",
            "iat": now,
            "exp": now + 60,
            "jti": uuid4().hex,
            "token_type": "access",
        }
        return _changed(claims, changed)

    def token(
        self, header: Json | None = None, claims: Json | None = None, key: RSAPrivateKey | None = None
    ) -> str:
        """Signed RS256, whatever the header says."""
        signed = _signed_part(header or self.header(), claims or self.claims())
        return f"{signed}.{_b64(_rs256(key or self.private, signed))}"

    def hmac_token(self, secret: bytes, algorithm: str = "HS256") -> str:
        signed = _signed_part(self.header(alg=algorithm), self.claims())
        digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
        return f"{signed}.{_b64(hmac.digest(secret, signed.encode(), digest))}"

    def public_bytes(self, form: tuple[Any, Any]) -> bytes:
        return self.private.public_key().public_bytes(*form)


@dataclass(frozen=True, slots=True)
class Case:
    """`codes` are the problem codes that answer it, with 401; none for a token that is good."""

    name: str
    make: Callable[[Forge], str]
    codes: frozenset[str] = INVALID


ABSENT = object()


def _changed(values: Json, changed: Json) -> Json:
    return {name: value for name, value in {**values, **changed}.items() if value is not ABSENT}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _part(value: Any) -> str:
    return _b64(json.dumps(value).encode())


def _signed_part(header: Any, claims: Any) -> str:
    return f"{_part(header)}.{_part(claims)}"


def _rs256(key: RSAPrivateKey, signed: str) -> bytes:
    return key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())


def _with_header(**changed: Any) -> Callable[[Forge], str]:
    return lambda forge: forge.token(header=forge.header(**changed))


def _with_claims(**changed: Any) -> Callable[[Forge], str]:
    return lambda forge: forge.token(claims=forge.claims(**changed))


def _in_seconds(**offsets: int) -> Callable[[Forge], str]:
    """Claims that are a moment from now."""

    def make(forge: Forge) -> str:
        now = int(time.time())
        return forge.token(claims=forge.claims(**{name: now + offset for name, offset in offsets.items()}))

    return make


def _unsigned(algorithm: str, *, with_signature: bool) -> Callable[[Forge], str]:
    def make(forge: Forge) -> str:
        signed = _signed_part(forge.header(alg=algorithm), forge.claims())
        return f"{signed}.{_b64(_rs256(forge.private, signed)) if with_signature else ''}"

    return make


def _by_another_rsa(algorithm: str) -> Callable[[Forge], str]:
    """Our own key under an algorithm we do not use, correctly signed."""
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[-3:]]
    scheme: Any = (
        padding.PSS(padding.MGF1(digest), digest.digest_size)
        if algorithm.startswith("PS")
        else padding.PKCS1v15()
    )

    def make(forge: Forge) -> str:
        signed = _signed_part(forge.header(alg=algorithm), forge.claims())
        return f"{signed}.{_b64(forge.private.sign(signed.encode(), scheme, digest))}"

    return make


def _by_curve(forge: Forge) -> str:
    signed = _signed_part(forge.header(alg="ES256"), forge.claims())
    key = ec.generate_private_key(ec.SECP256R1())
    return f"{signed}.{_b64(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))}"


def _by_edwards(forge: Forge) -> str:
    signed = _signed_part(forge.header(alg="EdDSA"), forge.claims())
    return f"{signed}.{_b64(ed25519.Ed25519PrivateKey.generate().sign(signed.encode()))}"


def _jwk(forge: Forge) -> Json:
    numbers = forge.stranger.public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    return {"kty": "RSA", "n": _b64(numbers.n.to_bytes(size, "big")), "e": "AQAB", "kid": forge.kid}


def _brings(name: str) -> Callable[[Forge], str]:
    """A stranger's signature with the stranger's key, or where to find it, in the header."""

    def make(forge: Forge) -> str:
        brought = {"jwk": _jwk(forge), "jku": "https://evil.example/keys", "x5u": "https://evil.example/c"}
        brought["x5c"] = [base64.b64encode(forge.stranger.public_key().public_bytes(*DER)).decode()]
        return forge.token(header=forge.header(**{name: brought[name]}), key=forge.stranger)

    return make


def _remade(change: Callable[[list[str], Forge], list[str]]) -> Callable[[Forge], str]:
    """A good token whose three parts were tampered with."""
    return lambda forge: ".".join(change(forge.token().split("."), forge))


def _another_s_claims(parts: list[str], forge: Forge) -> list[str]:
    return [parts[0], _part(forge.claims(sub=str(forge.other_sub), sid=str(forge.other_sid))), parts[2]]


def _flipped(parts: list[str], forge: Forge) -> list[str]:
    return [*parts[:2], ("A" if parts[2][0] != "A" else "B") + parts[2][1:]]


def _cases() -> Iterator[Case]:
    yield Case("as we sign it", lambda forge: forge.token(), GOOD)
    yield Case("with a claim of somebody's own", _with_claims(scope="admin", is_staff=True), GOOD)
    yield Case("for several audiences, us among them", _with_claims(aud=["other", "daybook"]), GOOD)

    for algorithm in ("HS256", "HS384", "HS512"):
        yield Case(
            f"{algorithm} over our public key in PEM",
            lambda forge, used=algorithm: forge.hmac_token(forge.public_bytes(PEM), used),  # type: ignore[misc]
        )
    yield Case("HS256 over our public key in DER", lambda forge: forge.hmac_token(forge.public_bytes(DER)))
    yield Case(
        "HS256 over our public key without its last line break",
        lambda forge: forge.hmac_token(forge.public_bytes(PEM).rstrip()),
    )
    yield Case("HS256 over nothing", lambda forge: forge.hmac_token(b""))
    yield Case("HS256 over the kid", lambda forge: forge.hmac_token(forge.kid.encode()))
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        yield Case(f"unsigned, alg {algorithm!r}", _unsigned(algorithm, with_signature=False))
        yield Case(f"signed, alg {algorithm!r}", _unsigned(algorithm, with_signature=True))
    for algorithm in ("RS384", "RS512", "PS256", "PS384", "PS512"):
        yield Case(f"our own key under {algorithm}", _by_another_rsa(algorithm))
    yield Case("ES256 of a stranger", _by_curve)
    yield Case("EdDSA of a stranger", _by_edwards)

    for name, value in (
        ("absent", ABSENT),
        ("null", None),
        ("a list", ["RS256"]),
        ("a number", 256),
        ("rs256", "rs256"),
    ):
        yield Case(f"alg {name}", _with_header(alg=value))
    for name, value in (
        ("a number", 7),
        ("a list", ["x"]),
        ("an object", {"x": 1}),
        ("null", None),
        ("absent", ABSENT),
    ):
        yield Case(f"kid {name}", _with_header(kid=value))
    for value in ("unknown", "", "../signing", "signing", "' OR 1=1 --", "x" * 500):
        yield Case(f"kid {value[:20]!r}", _with_header(kid=value), UNKNOWN_KEY)
    for value in ("JWT", "rt+jwt", "at+jwt2", "AT", "", 7, None, ABSENT):
        yield Case(f"typ {'absent' if value is ABSENT else repr(value)}", _with_header(typ=value))
    yield Case("a critical header nobody knows", _with_header(crit=["x"], x=1))
    yield Case("a critical exp", _with_header(crit=["exp"], exp=1))
    for name in ("jwk", "jku", "x5u", "x5c"):
        yield Case(f"a stranger's key brought along as {name}", _brings(name))

    yield Case("a stranger's signature under our kid", lambda forge: forge.token(key=forge.stranger))
    yield Case("another's claims under our signature", _remade(_another_s_claims))
    yield Case("a changed signature", _remade(_flipped))
    yield Case("half a signature", _remade(lambda parts, _: [*parts[:2], parts[2][:100]]))
    yield Case("no signature", _remade(lambda parts, _: [*parts[:2], ""]))
    yield Case(
        "the signature of another token", _remade(lambda parts, f: [*parts[:2], f.token().split(".")[2]])
    )
    yield Case("another header", _remade(lambda parts, f: [_part(f.header(x=1)), *parts[1:]]))

    for name in ("sub", "sid", "iss", "aud", "exp", "iat", "jti", "token_type"):
        yield Case(f"without {name}", _with_claims(**{name: ABSENT}))
    for name, value in (
        ("iss", "http://evil.example"),
        ("iss", "http://127.0.0.1:8000/"),
        ("iss", ""),
        ("aud", "another"),
        ("aud", []),
        ("aud", "Daybook"),
        ("token_type", "refresh"),
        ("token_type", ""),
        ("sub", "1"),
        ("sub", 1),
        ("sub", ""),
        ("sid", "not-a-uuid"),
        ("sid", ""),
        ("exp", "soon"),
        ("iat", "now"),
    ):
        yield Case(f"{name} {value!r}", _with_claims(**{name: value}))
    yield Case("made an hour from now", _in_seconds(iat=3600, exp=7200))
    yield Case("not good before an hour from now", _in_seconds(nbf=3600))
    yield Case("ended a moment ago", _in_seconds(exp=-10), EXPIRED)
    yield Case("ended long ago", _with_claims(exp=1, iat=0), EXPIRED)
    yield Case("another's session", lambda f: f.token(claims=f.claims(sid=str(f.other_sid))), ENDED)
    yield Case(
        "another person in this session", lambda f: f.token(claims=f.claims(sub=str(f.other_sub))), ENDED
    )
    yield Case("a session that never was", lambda f: f.token(claims=f.claims(sid=str(uuid4()))), ENDED)
    yield Case("a person who never was", lambda f: f.token(claims=f.claims(sub=str(uuid4()))), ENDED)

    yield Case("a good one that is too large", _with_claims(padding="x" * OVERSIZE))
    for name, text in (
        ("a word", "x"),
        ("two parts", "a.b"),
        ("three letters", "a.b.c"),
        ("dots", ".."),
        ("five parts, as of something encrypted", "a.b.c.d.e"),
        ("what is no base64", "!!!.???.***"),
        ("a long word", "a" * 300),
    ):
        yield Case(name, lambda _, said=text: said)  # type: ignore[misc]
    yield Case("a part too many", lambda forge: forge.token() + ".x")
    yield Case("a list for a header", lambda forge: f"{_part([])}.{_part(forge.claims())}.x")
    yield Case("a list for claims", lambda forge: forge.token(claims=[1]))  # type: ignore[arg-type]
    yield Case("a number for claims", lambda forge: forge.token(claims=7))  # type: ignore[arg-type]
    yield Case("a header that is no JSON", lambda forge: f"{_b64(b'{')}.{_part(forge.claims())}.x")


CASES = tuple(_cases())
