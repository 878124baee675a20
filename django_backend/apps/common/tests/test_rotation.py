"""A new key takes over, and no token of anybody is refused meanwhile."""

import os
from datetime import timedelta
from io import StringIO

import jwt
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.common.auth import keys
from apps.common.auth.keys import KeyProblem, generate, load_keys
from apps.common.auth.rotation import TooEarly, key_states, publish, retire, sign
from apps.common.auth.tokens import AccessToken, TokenInvalid, new_token, read_token
from apps.users.tests.factories import make_session, make_user


@pytest.fixture
def folder(tmp_path, settings):
    """Keys of this test's own, which the process takes up and gives back."""
    settings.JWT_KEYS_DIR = tmp_path / "keys"
    generate(settings.JWT_KEYS_DIR)
    yield settings.JWT_KEYS_DIR
    keys._Kept.keys = keys._Kept.state = None


def token_of(session):
    return str(new_token(AccessToken, public_id=session.user.public_id, sid=session.sid))


def roles(folder):
    return [state.role for state in key_states(folder)]


def published_long_ago(folder):
    for path in folder.glob("*.pem"):
        at = path.stat().st_mtime - 3600
        os.utime(path, (at, at))


def kids(client):
    return {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}


@pytest.mark.django_db
def test_a_whole_rotation_refuses_no_token_and_needs_no_restart(folder, client):
    session, former = make_session(make_user("olga")), load_keys().signing_kid
    old_token = token_of(session)

    fresh = publish(folder)
    assert kids(client) == {former, fresh} and load_keys().signing_kid == former
    assert publish(folder) == fresh
    published_long_ago(folder)
    assert sign(folder) == fresh and load_keys().signing_kid == fresh
    new_one = token_of(session)

    assert jwt.get_unverified_header(new_one)["kid"] == fresh
    assert read_token(AccessToken, old_token).sid == read_token(AccessToken, new_one).sid == session.sid
    assert kids(client) == {former, fresh} and roles(folder) == ["signs", "retiring"]

    with time_machine.travel(timezone.now() + timedelta(days=31, minutes=1)):
        assert retire(folder) == [former]
    assert kids(client) == {fresh}
    with pytest.raises(TokenInvalid):
        read_token(AccessToken, old_token)


def test_a_key_does_not_sign_before_verifiers_know_it(folder):
    publish(folder)

    with pytest.raises(TooEarly, match="Run this again after"):
        sign(folder)
    assert roles(folder) == ["signs", "published"]


def test_a_key_is_not_removed_while_tokens_of_it_are_about(folder):
    publish(folder)
    published_long_ago(folder)
    sign(folder)

    with time_machine.travel(timezone.now() + timedelta(days=30)), pytest.raises(TooEarly):
        retire(folder)
    assert roles(folder) == ["signs", "retiring"]


def test_without_a_published_key_nothing_takes_over(folder):
    with pytest.raises(KeyProblem, match="Publish one first"):
        sign(folder)
    assert retire(folder) == []


def test_a_folder_that_is_spoilt_leaves_the_known_keys_good(folder):
    known = load_keys()
    (folder / "signing").write_text("nonsense")

    assert load_keys().signing_kid == known.signing_kid


def test_a_key_is_readable_by_its_owner_alone(folder):
    publish(folder)
    published_long_ago(folder)
    sign(folder)

    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {0o600}


def test_the_command_says_what_comes_next_and_refuses_with_a_sentence(folder):
    out = StringIO()
    call_command("rotate_keys", "publish", stdout=out)
    assert "rotate_keys sign" in out.getvalue()
    with pytest.raises(CommandError, match="may not know the new key yet"):
        call_command("rotate_keys", "sign")
    call_command("rotate_keys", "status", stdout=out)
    assert "published" in out.getvalue()
