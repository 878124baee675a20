"""RSA keys that sign tokens: a folder with one `<kid>.pem` a key and a file `signing` that names the one in use.

Needs nothing of Django, so that keys can be made before any setting exists:
`python -m apps.common.auth.keys generate FOLDER`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)

KEY_BITS = 3072
SIGNING_FILE = "signing"
MEND = "Make keys: bash django_backend/scripts/keygen.sh"


class KeyProblem(RuntimeError):
    """The keys are missing or unusable; the process must not start. The message says how to mend it."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """`signing_kid` signs; every key in `public` verifies (a new key is published before it signs)."""

    signing_kid: str
    private: RSAPrivateKey
    public: dict[str, RSAPublicKey]

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        return {
            "keys": [
                {**public_jwk(key), "kid": kid, "use": "sig", "alg": "RS256"}
                for kid, key in self.public.items()
            ]
        }


def public_jwk(key: RSAPublicKey) -> dict[str, str]:
    """The members that RFC 7638 hashes: e, kty, n."""
    numbers = key.public_numbers()
    return {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}


def thumbprint(key: RSAPublicKey) -> str:
    """The key's RFC 7638 thumbprint, which is its `kid`."""
    canonical = json.dumps(public_jwk(key), separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def generate(folder: Path) -> str:
    """Make a key in `folder`, readable by its owner alone, and let it sign if none does yet. Returns its kid."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    kid = thumbprint(key.public_key())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write_private(folder / f"{kid}.pem", pem)
    if not (folder / SIGNING_FILE).exists():
        _write_private(folder / SIGNING_FILE, kid.encode())
    return kid


def read_keys(folder: Path) -> KeySet:
    """Read every key in `folder`; raises KeyProblem with a sentence that says how to mend it."""
    try:
        signing_kid = (folder / SIGNING_FILE).read_text(encoding="ascii").strip()
        paths = sorted(folder.glob("*.pem"))
        private = {path.stem: _read_private(path) for path in paths}
    except OSError as problem:
        raise KeyProblem(
            f"The token keys in {folder} can't be read ({problem.strerror}). {MEND}."
        ) from problem
    if signing_kid not in private:
        raise KeyProblem(f"{folder / SIGNING_FILE} names a key that is not there. {MEND}.")
    return KeySet(
        signing_kid=signing_kid,
        private=private[signing_kid],
        public={kid: key.public_key() for kid, key in private.items()},
    )


class _Kept:
    """The key set of this process and the state of the folder it was read from."""

    state: tuple[Any, ...] | None = None
    keys: KeySet | None = None


def load_keys() -> KeySet:
    """The keys of this process, from settings.JWT_KEYS_DIR: read when the folder has changed, so that a key that was
    published, or signs from now on, needs no restart. A folder that can't be read any more leaves the known keys good.
    """
    from django.conf import settings

    folder: Path = settings.JWT_KEYS_DIR
    state = _state_of(folder)
    if _Kept.keys is None or state != _Kept.state:
        try:
            _Kept.keys, _Kept.state = read_keys(folder), state
        except KeyProblem as problem:
            if _Kept.keys is None:
                raise
            _Kept.state = state
            logging.getLogger(__name__).error("keys not read again, the known ones stay: %s", problem)
    return _Kept.keys


def _state_of(folder: Path) -> tuple[Any, ...]:
    """What moves whenever a key comes, goes, or begins to sign: two looks at the file system, no reading."""
    try:
        return folder, folder.stat().st_mtime_ns, (folder / SIGNING_FILE).stat().st_mtime_ns
    except OSError as problem:
        return folder, problem.errno


def _read_private(path: Path) -> RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise KeyProblem(f"{path} is no private key in PEM form. {MEND}.") from problem
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS:
        raise KeyProblem(f"{path} is not an RSA key of at least {KEY_BITS} bits. {MEND}.")
    if thumbprint(key.public_key()) != path.stem:
        raise KeyProblem(f"{path} is not named by its thumbprint, {thumbprint(key.public_key())}. {MEND}.")
    return key


def _write_private(path: Path, content: bytes) -> None:
    """All of it or nothing: a process that reads the folder meanwhile must not meet half a key."""
    beside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)


def _base64url(number: int) -> str:
    return (
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
    )


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] != "generate":
        sys.stderr.write("Usage: python -m apps.common.auth.keys generate FOLDER\n")
        return 2
    kid = generate(Path(arguments[1]))
    sys.stdout.write(f"Made the key {kid} in {arguments[1]}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
