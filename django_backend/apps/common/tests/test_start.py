"""The process refuses to start on nonsense, with a sentence that says how to mend it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from django.core.exceptions import ImproperlyConfigured

from apps.common.auth.keys import KeyProblem, generate, read_keys
from config.env import read_settings

BACKEND = Path(__file__).resolve().parents[3]
GOOD = {
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "JWT_KEYS_DIR": "keys",
    "WEB_DATABASE_URL": "postgres://web:pw@127.0.0.1/daybook",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "DATA_DIR": "data",
}


def started(**changes: str) -> subprocess.CompletedProcess[str]:
    """Django's setup with the settings of an install, in a process of its own."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | changes
    environment["PYTHONPATH"] = os.pathsep.join([str(BACKEND), str(BACKEND.parent / "kafka")])
    return subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        cwd=BACKEND,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_process_starts_with_keys():
    done = started()

    assert done.returncode == 0, done.stderr


def without_folder(folder: Path) -> Path:
    return folder / "nowhere"


def empty(folder: Path) -> Path:
    return folder


def signer_gone(folder: Path) -> Path:
    kid = generate(folder / "keys")
    (folder / "keys" / f"{kid}.pem").unlink()
    return folder / "keys"


def nonsense(folder: Path) -> Path:
    kid = generate(folder / "keys")
    (folder / "keys" / f"{kid}.pem").write_text("no key")
    return folder / "keys"


@pytest.mark.parametrize("broken", [without_folder, empty, signer_gone, nonsense])
def test_without_keys_the_process_does_not_start(tmp_path, broken):
    done = started(JWT_KEYS_DIR=str(broken(tmp_path)))

    assert done.returncode != 0
    assert "keygen.sh" in done.stderr.splitlines()[-1]


def test_a_short_key_is_refused(tmp_path):
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "short.pem").write_bytes(pem)
    (tmp_path / "signing").write_text("short")

    with pytest.raises(KeyProblem, match="3072 bits"):
        read_keys(tmp_path)


def test_a_key_under_another_name_is_refused(tmp_path):
    kid = generate(tmp_path)
    shutil.move(tmp_path / f"{kid}.pem", tmp_path / "other.pem")
    (tmp_path / "signing").write_text("other")

    with pytest.raises(KeyProblem, match="named by its thumbprint"):
        read_keys(tmp_path)


def test_made_keys_are_their_owner_s_alone_and_a_second_one_does_not_sign(tmp_path):
    first, second = generate(tmp_path / "keys"), generate(tmp_path / "keys")

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    keys = read_keys(tmp_path / "keys")
    assert keys.signing_kid == first and set(keys.public) == {first, second}


@pytest.mark.parametrize("python", [sys.executable, "/no/python"], ids=["python", "openssl"])
def test_the_script_makes_keys_in_the_folder_it_is_told(tmp_path, python):
    if python == "/no/python" and shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    environment = os.environ | {"PYTHON": python}
    script = str(BACKEND / "scripts" / "keygen.sh")

    for _ in range(2):
        subprocess.run(
            ["bash", script, "here"], cwd=tmp_path, env=environment, check=True, capture_output=True
        )

    keys = read_keys(tmp_path / "here")
    assert keys.private.key_size == 3072 and len(keys.public) == 2
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "here").iterdir()} == {0o600}


def test_the_good_environment_is_taken():
    settings = read_settings(GOOD)

    assert (settings.registration, settings.demo_accounts) == ("invited", False)
    assert settings.cache_redis_url == "redis://127.0.0.1:6379/1" and settings.owner_database_url is None


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"BIND": "0.0.0.0"}, False),
        ({"PUBLIC_URL": "https://daybook.example"}, False),
        ({"PUBLIC_URL": "http://localhost:9000", "BIND": "::1"}, True),
    ],
)
def test_on_loopback_means_address_and_listener(changes, allowed):
    assert read_settings(GOOD | {"DEMO_ACCOUNTS": "loopback"} | changes).demo_accounts is allowed


@pytest.mark.parametrize("name", list(GOOD))
def test_each_needed_variable_is_asked_for_by_name(name):
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not set. Set {name} or {name}_FILE"):
        read_settings({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too short"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is too short or a known default"),
        ({"SECRET_KEY": "django-insecure-" + "0123456789abcdef" * 4}, "known default"),
        ({"PUBLIC_URL": "127.0.0.1:8000"}, "PUBLIC_URL must be a URL that starts with http:// or https://"),
        ({"PUBLIC_URL": "ftp://daybook.example"}, "PUBLIC_URL must be a URL"),
        ({"PUBLIC_URL": "https://daybook.example/tasks"}, "PUBLIC_URL must have no path"),
        (
            {"WEB_DATABASE_URL": "sqlite:///daybook.db"},
            "WEB_DATABASE_URL must be a URL that starts with postgres://",
        ),
        ({"DATABASE_URL": "mysql://root@127.0.0.1/daybook"}, "DATABASE_URL must be a URL"),
        ({"REDIS_URL": "127.0.0.1:6379"}, "REDIS_URL must be a URL"),
        ({"REGISTRATION": "maybe"}, "REGISTRATION is 'maybe'. Use one of: open, invited, closed"),
        ({"DEBUG": "perhaps"}, "DEBUG is 'perhaps'. Use one of: 0, 1"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is 'LOUD'"),
        ({"DEMO_ACCOUNTS": "1", "PUBLIC_URL": "https://daybook.example"}, "Set DEMO_ACCOUNTS=0"),
        ({"DEMO_ACCOUNTS": "1", "BIND": "0.0.0.0"}, "Set DEMO_ACCOUNTS=0"),
        ({"DEMO_ACCOUNTS": "2"}, "DEMO_ACCOUNTS is '2'. Use one of: 0, 1, loopback"),
        ({"DEBUG": "1", "PUBLIC_URL": "https://daybook.example"}, "Set DEBUG=0"),
        ({"SECRET_KEY_FILE": "/nowhere/key", "SECRET_KEY": ""}, "SECRET_KEY_FILE names /nowhere/key"),
        ({"SECRET_KEY_FILE": "/nowhere/key"}, "Both SECRET_KEY and SECRET_KEY_FILE are set"),
    ],
)
def test_nonsense_is_refused_with_how_to_mend_it(changes, sentence):
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_settings(GOOD | changes)

    assert sentence in str(refusal.value)


def test_a_refusal_shows_no_secret():
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_settings(GOOD | {"WEB_DATABASE_URL": "http://web:hunter2@127.0.0.1/daybook"})

    assert "hunter2" not in str(refusal.value)


def test_a_value_may_stand_in_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text("fedcba9876543210" * 4 + "\n")

    settings = read_settings(GOOD | {"SECRET_KEY": "", "SECRET_KEY_FILE": str(path)})

    assert settings.secret_key == "fedcba9876543210" * 4


def test_plain_http_off_loopback_starts_with_a_warning():
    done = started(PUBLIC_URL="http://daybook.example")

    assert done.returncode == 0 and "WARNING: PUBLIC_URL is plain http outside loopback" in done.stderr
