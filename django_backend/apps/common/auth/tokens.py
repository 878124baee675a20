"""Signed tokens: RS256 alone, verified by `kid` over our own keys, with one header type per kind (RFC 8725, RFC 9068).

A token says who (`sub`, the person's public id) and which sign-in (`sid`). What they may do is asked of the database
each time, so a right that ended is gone at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenBackendError, TokenBackendExpiredToken
from rest_framework_simplejwt.exceptions import TokenError as AnyTokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from apps.common.auth.keys import load_keys
from apps.common.errors import NotSignedIn

ALGORITHM = "RS256"
MAX_TOKEN_LENGTH = 8 * 1024
ACCESS_LIFETIME: timedelta = api_settings.ACCESS_TOKEN_LIFETIME
EXCHANGED_LIFETIME = timedelta(seconds=60)
REFRESH_LIFETIME: timedelta = api_settings.REFRESH_TOKEN_LIFETIME
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "sid", "jti"]


class TokenInvalid(NotSignedIn):
    """Not ours, not of this kind, or changed on the way."""

    code = "token_invalid"
    title = "This token is not valid. Sign in again"


class TokenExpired(NotSignedIn):
    code = "token_expired"
    title = "This token has expired. Refresh it or sign in again"


class KeySetBackend(TokenBackend):
    """Signs with the key in use and verifies with whichever of ours the token's `kid` names."""

    def __init__(self, header_type: str) -> None:
        super().__init__(ALGORITHM, audience=settings.JWT_AUDIENCE, issuer=settings.JWT_ISSUER)
        self.header_type = header_type

    def encode(self, payload: dict[str, Any]) -> str:
        keys = load_keys()
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        header = {"kid": keys.signing_kid, "typ": self.header_type}
        return jwt.encode(claims, keys.private, algorithm=ALGORITHM, headers=header)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The claims; `verify` is the library's and may not be switched off."""
        if not verify:
            raise TokenBackendError("Tokens are never read unverified")
        try:
            header = jwt.get_unverified_header(token)
            key = load_keys().public.get(header.get("kid", ""))
            if key is None or header.get("typ") != self.header_type:
                raise TokenBackendError("Unknown key or another kind of token")
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self.audience,
                issuer=self.issuer,
                options={"require": REQUIRED_CLAIMS},
            )
        except jwt.ExpiredSignatureError as problem:
            raise TokenBackendExpiredToken("Token is expired") from problem
        except jwt.InvalidTokenError as problem:
            raise TokenBackendError("Token is invalid") from problem


class _SessionToken(Token):
    """What access and refresh tokens share: they belong to a session."""

    header_type: str

    def get_token_backend(self) -> TokenBackend:
        return KeySetBackend(self.header_type)

    @property
    def sid(self) -> UUID:
        return UUID(self["sid"])

    @property
    def public_id(self) -> UUID:
        return UUID(self["sub"])


class AccessToken(_SessionToken):
    token_type = "access"
    header_type = "at+jwt"
    lifetime = ACCESS_LIFETIME


class ExchangedToken(AccessToken):
    """An access token that an opaque API token was exchanged for: good for one call of the analytics service or two."""

    lifetime = EXCHANGED_LIFETIME


class RefreshToken(_SessionToken):
    """Good for one exchange. Which ones were spent is kept in the database, by `jti`, not asked here."""

    token_type = "refresh"
    header_type = "rt+jwt"
    lifetime = REFRESH_LIFETIME


T = TypeVar("T", bound=_SessionToken)


def new_token(kind: type[T], *, public_id: UUID, sid: UUID) -> T:
    """A token of `kind` for this person's session; `str()` of it is signed."""
    token = kind()
    token["sub"] = str(public_id)
    token["sid"] = str(sid)
    return token


def read_token(kind: type[T], text: str) -> T:
    """Verify `text`; raises TokenExpired or TokenInvalid."""
    if len(text) > MAX_TOKEN_LENGTH:
        raise TokenInvalid("This token is larger than 8 KB. It is not one of ours")
    try:
        token = kind(text)  # type: ignore[arg-type]  # the library's annotation means its own class
        token.sid, token.public_id  # noqa: B018  # both must be UUIDs
    except ExpiredTokenError as problem:
        raise TokenExpired from problem
    except (AnyTokenError, ValueError, TypeError, AttributeError) as problem:
        raise TokenInvalid from problem
    return token
