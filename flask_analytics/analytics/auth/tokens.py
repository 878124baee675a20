"""Access tokens: RS256 JWTs that Django signs (RFC 9068 shape). What they claim counts only as a pair (sid, sub)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import jwt

from analytics.auth.keys import SigningKeys
from analytics.problems import NotSignedIn, TokenExpired, TokenInvalid

ALGORITHM = "RS256"
AUDIENCE = "daybook"
TOKEN_TYPE = "access"
HEADER_TYPE = "at+jwt"
MAX_TOKEN_BYTES = 8 * 1024
LEEWAY_S = 5
REQUIRED = ["sub", "sid", "iss", "aud", "exp", "iat", "jti", "token_type"]


@dataclass(frozen=True, slots=True)
class Claims:
    """`sub` is the person's public id; the session `sid` says what they may do."""

    sub: UUID
    sid: UUID


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header; raises NotSignedIn where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn
    return token.strip()


def verify(token: str, *, keys: SigningKeys, issuer: str) -> Claims:
    """The claims of a token that is ours, unexpired and meant for this API; raises an error with a 401 otherwise.

    Raises KeysUnavailable (503) while no key set has been read: nobody can be told apart then.
    """
    keys.require_known()
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenInvalid("The token is larger than 8 KB.")
    try:
        kid = _kid(token)
        claims = jwt.decode(
            token,
            key=keys.find(kid),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": REQUIRED},
        )
    except jwt.ExpiredSignatureError:
        raise TokenExpired from None
    except jwt.InvalidTokenError:
        # Which check failed is nobody's business but ours, and not worth a log line: anyone can send rubbish.
        raise TokenInvalid from None
    if claims["token_type"] != TOKEN_TYPE:
        raise TokenInvalid("This is not an access token.")
    return Claims(sub=_uuid(claims["sub"]), sid=_uuid(claims["sid"]))


def _kid(token: str) -> str:
    """The header's key id, once the header says that this is an access token signed our one way."""
    header = jwt.get_unverified_header(token)
    if header.get("alg") != ALGORITHM or header.get("typ") != HEADER_TYPE:
        raise TokenInvalid
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise TokenInvalid
    return kid


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise TokenInvalid from None
