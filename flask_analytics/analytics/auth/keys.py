"""The public keys that verify tokens: kept in memory, refreshed by a thread of their own, never inside a request."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from analytics.problems import KeysUnavailable, UnknownSigner

log = structlog.get_logger(__name__)

REFRESH_S = 300.0
RETRY_S = 1.0
# Between two fetches, however many tokens with unknown keys arrive: they must not become a flood of requests.
PAUSE_S = 1.0
FETCH_TIMEOUT_S = 5.0
MAX_BYTES = 256 * 1024
MIN_KEY_BITS = 2048


class UnusableKeySet(ValueError):
    """The answer is no key set, or holds no key that could verify a token."""


class SigningKeys:
    """The key set at `url`, by kid. A key that is no longer published is no longer accepted after the next refresh.

    `host` is the issuer's, where `url` is an inner address of it that its server would not answer to by name.
    """

    def __init__(
        self, url: str, *, host: str | None = None, refresh_s: float = REFRESH_S, pause_s: float = PAUSE_S
    ) -> None:
        self._url = url
        self._host = host
        self._refresh_s = refresh_s
        self._pause_s = pause_s
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._read_at: float | None = None
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signing-keys", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._wanted.set()

    @property
    def are_known(self) -> bool:
        return self._read_at is not None

    @property
    def age_s(self) -> float | None:
        """Seconds since the set was last read; None if it never was."""
        return None if self._read_at is None else time.monotonic() - self._read_at

    def require_known(self) -> None:
        """Raise KeysUnavailable until a key set has been read."""
        if not self.are_known:
            raise KeysUnavailable

    def find(self, kid: str) -> RSAPublicKey:
        """The key, or UnknownSigner; then the thread refreshes at once, and this request is refused nevertheless."""
        key = self._keys.get(kid)
        if key is None:
            self._wanted.set()
            raise UnknownSigner
        return key

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.clear()
            succeeded = self._refresh()
            self._stopped.wait(self._pause_s)
            self._wanted.wait(self._refresh_s if succeeded else RETRY_S)

    def _refresh(self) -> bool:
        try:
            keys = read_key_set(fetch(self._url, self._host))
        except (OSError, HTTPException, ValueError) as problem:
            # No answer, half an answer, or no key set; the keys known so far stay good.
            log.warning("signing_keys_not_read", kind=type(problem).__name__, known=len(self._keys))
            return False
        if set(keys) != set(self._keys):
            log.info("signing_keys_read", kids=sorted(keys))
        self._keys = keys
        self._read_at = time.monotonic()
        return True


def fetch(url: str, host: str | None = None) -> bytes:
    """The body at `url`; no proxy of the environment is asked, because the address is one of ours."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    with opener.open(request, timeout=FETCH_TIMEOUT_S) as answer:
        body: bytes = answer.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise UnusableKeySet(f"more than {MAX_BYTES} bytes")
    return body


def read_key_set(body: bytes) -> dict[str, RSAPublicKey]:
    """The RSA keys for RS256 signatures in a JSON Web Key Set (RFC 7517), by kid; others in it are left out."""
    document = json.loads(body)
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise UnusableKeySet("no list of keys")
    usable = {member["kid"]: _public_key(member) for member in members if _is_for_us(member)}
    if not usable:
        raise UnusableKeySet("no RSA key for RS256 in it")
    return usable


def _is_for_us(member: Any) -> bool:
    return (
        isinstance(member, dict)
        and isinstance(member.get("kid"), str)
        and member.get("kty") == "RSA"
        and member.get("use", "sig") == "sig"
        and member.get("alg", "RS256") == "RS256"
        and "d" not in member
    )


def _public_key(member: dict[str, Any]) -> RSAPublicKey:
    try:
        key = RSAAlgorithm.from_jwk(member)
    except (InvalidKeyError, ValueError, TypeError) as problem:
        raise UnusableKeySet(f"key {member['kid']} is malformed") from problem
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise UnusableKeySet(f"key {member['kid']} is no public key of at least {MIN_KEY_BITS} bits")
    return key
