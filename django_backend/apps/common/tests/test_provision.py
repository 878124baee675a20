"""What compose's init makes: every secret once, to each program its own, and the keys that sign."""

import json
import os
import stat

import pytest

from apps.common.auth.keys import KeyProblem, generate, read_keys
from config import provision
from config.provision import make_secrets, owner_statements
from tms_events.environment import ConfigurationError

READERS = (
    "all", "owner", "web", "relay", "consumers", "analytics", "flower", "postgres", "redis", "kafka-ui", "tests",
)  # fmt: skip


@pytest.fixture
def volumes(tmp_path, monkeypatch):
    """Empty, as at a first start. Only root may give files away, so here everyone is us."""
    monkeypatch.setattr(provision, "OURS", os.geteuid())
    monkeypatch.setattr(provision, "GIVEN_KEYS", tmp_path / "given")
    for name in READERS:
        (tmp_path / name).mkdir()
    return tmp_path


def contents(volumes):
    return {
        str(path.relative_to(volumes)): path.read_bytes() for path in volumes.rglob("*") if path.is_file()
    }


def test_a_second_start_changes_nothing(volumes):
    make_secrets(volumes, {})
    before = contents(volumes)
    make_secrets(volumes, {})
    assert contents(volumes) == before


def test_each_program_gets_its_own_secrets_and_no_more(volumes):
    make_secrets(volumes, {})
    files = {name: {path.name for path in (volumes / name).iterdir()} for name in READERS}
    assert files["relay"] == {"relay_database_url", "redis_url"}
    assert files["consumers"] == {"consumers_database_url", "redis_url"}
    assert files["analytics"] == {"analytics_database_url", "redis_url"}
    assert files["flower"] == {"basic_auth", "redis_url"}
    assert files["web"] == {"secret_key", "web_database_url", "redis_url", "email_url", "keys"}


def test_no_two_secrets_are_alike(volumes):
    make_secrets(volumes, {})
    made = [path.read_text() for path in (volumes / "all").iterdir()]
    assert len(made) == len(set(made)) >= 9


def test_files_are_their_reader_s_alone(volumes):
    make_secrets(volumes, {})
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (volumes / "web").iterdir() if path.is_file()}
    assert modes == {0o400}


def test_the_operators_logins_are_shown_once(volumes, capsys):
    make_secrets(volumes, {})
    shown = capsys.readouterr().out
    login = (volumes / "flower" / "basic_auth").read_text().strip().removeprefix("operator:")
    assert f"Flower: operator, password {login}" in shown
    make_secrets(volumes, {})
    assert capsys.readouterr().out == "Secrets and keys are in place.\n"


def test_what_is_given_goes_before_what_was_made(volumes, capsys):
    make_secrets(volumes, {})
    given = {
        "SECRET_KEY": "0123456789abcdef" * 4,
        "FLOWER_BASIC_AUTH": "olga:correct horse",
        "EMAIL_URL": "smtp://m",
    }
    capsys.readouterr()
    make_secrets(volumes, given)
    assert (volumes / "web" / "secret_key").read_text().strip() == given["SECRET_KEY"]
    assert (volumes / "web" / "email_url").read_text().strip() == "smtp://m"
    assert (volumes / "flower" / "basic_auth").read_text().strip() == "olga:correct horse"
    assert "correct horse" not in capsys.readouterr().out


def test_a_login_without_a_password_is_refused(volumes):
    with pytest.raises(ConfigurationError, match="FLOWER_BASIC_AUTH is not user:password"):
        make_secrets(volumes, {"FLOWER_BASIC_AUTH": "olga"})


def test_kafka_ui_s_password_is_quoted_whatever_is_in_it(volumes):
    make_secrets(volumes, {"KAFKA_UI_AUTH": 'olga:a "quoted": one\\'})
    settings = json.loads((volumes / "kafka-ui" / "login.yml").read_text())
    assert settings["auth"] == {"type": "LOGIN_FORM"}
    assert settings["spring"]["security"]["user"] == {"name": "olga", "password": 'a "quoted": one\\'}


def test_a_key_is_made_once(volumes):
    make_secrets(volumes, {})
    kid = read_keys(volumes / "web" / "keys").signing_kid
    make_secrets(volumes, {})
    assert set(read_keys(volumes / "web" / "keys").public) == {kid}


def test_a_key_that_was_half_made_is_made_anew(volumes):
    (volumes / "web" / "keys").mkdir()
    (volumes / "web" / "keys" / "half.pem").write_text("-----BEGIN")
    make_secrets(volumes, {})
    assert read_keys(volumes / "web" / "keys")


def test_keys_of_one_s_own_sign_and_the_former_still_verify(volumes):
    make_secrets(volumes, {})
    former = read_keys(volumes / "web" / "keys").signing_kid
    own = generate(volumes / "given")
    make_secrets(volumes, {"JWT_KEYS_DIR": "./keys"})
    keys = read_keys(volumes / "web" / "keys")
    assert keys.signing_kid == own and set(keys.public) == {own, former}


def test_a_folder_without_keys_stops_the_start(volumes):
    with pytest.raises(KeyProblem, match=r"Make keys: bash django_backend/scripts/keygen\.sh"):
        make_secrets(volumes, {"JWT_KEYS_DIR": "./keys"})


def test_without_tests_in_the_image_nobody_but_migrate_has_the_owner_s_address(volumes, monkeypatch):
    make_secrets(volumes, {})
    assert "daybook_owner" in (volumes / "tests" / "database_url").read_text()
    monkeypatch.setattr(provision, "tests_are_here", lambda: False)
    make_secrets(volumes, {})
    assert [*(volumes / "tests").iterdir()] == []


def test_without_tests_the_owner_makes_no_databases_and_switches_no_trigger_off(monkeypatch):
    monkeypatch.setattr(provision, "tests_are_here", lambda: False)
    said = " ".join(statement.as_string(None) for statement in owner_statements("x"))
    assert "NOCREATEDB" in said and "REVOKE SET ON PARAMETER" in said and "SUPERUSER" not in said


@pytest.mark.parametrize("words", [[], ["both"], ["secrets", "owner"]])
def test_a_wrong_command_says_how_it_is_used(words, capsys):
    assert provision.main(words) == 2
    assert "Usage: python -m config.provision secrets|owner" in capsys.readouterr().err
