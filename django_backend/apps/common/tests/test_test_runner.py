"""Django's test command hands labels to pytest; a name without tests is a failure, never a pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.test_runner import HERE, environment_for_tests, path_of
from tms_events.environment import ConfigurationError


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ("apps.users.tests", "apps/users/tests"),
        ("apps.common.tests.test_rsa_jwt", "apps/common/tests/test_rsa_jwt.py"),
        ("apps.common.tests.test_jwks.test_x", "apps/common/tests/test_jwks.py::test_x"),
        ("apps", "apps"),
    ],
)
def test_a_dotted_name_becomes_a_path(label, path):
    assert Path(path_of(label)) == HERE / path


@pytest.mark.parametrize("label", ["apps.nowhere", "apps.users.tests.test_nothing"])
def test_a_name_that_is_nothing_is_refused(label):
    with pytest.raises(ConfigurationError, match=f"There are no tests named {label}"):
        path_of(label)


def test_the_tests_get_the_server_that_is_named_and_a_redis_database_of_their_own(monkeypatch, tmp_path):
    (tmp_path / "url").write_text("postgres://owner:x@db/daybook\n")
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setenv("TEST_DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("REDIS_URL", "redis://:pw@redis:6379/0")
    made = environment_for_tests()
    assert made["TEST_DATABASE_URL"] == "postgres://owner:x@db/daybook"
    assert made["REDIS_URL"] == "redis://:pw@redis:6379/9"
    assert "TEST_DATABASE_URL_FILE" not in made and "DJANGO_SETTINGS_MODULE" not in made


def manage(*words):
    return subprocess.run(
        [sys.executable, "manage.py", "test", "--settings=config.test_settings", *words],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": str(HERE.parent / "kafka")},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_passing_test_is_a_success_and_is_run():
    done = manage("apps.common.tests.test_test_runner.test_a_dotted_name_becomes_a_path")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.parametrize("label", ["apps.users.models", "apps.nowhere"])
def test_no_test_found_is_a_failure(label):
    done = manage(label)
    assert done.returncode != 0
    assert "No test was found" in done.stderr or "There are no tests" in done.stderr
