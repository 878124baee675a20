"""The environment is read once, and nonsense stops the process with a sentence."""

import pytest

from analytics.config import read_config
from tms_events.environment import ConfigurationError

GOOD = {
    "PUBLIC_URL": "https://daybook.example/",
    "ANALYTICS_DATABASE_URL": "postgres://user:s3cret-word@db/daybook",
    "JWKS_URL": "http://web:8000/.well-known/jwks.json",
    "REDIS_URL": "redis://redis:6379/0",
}


def test_a_good_environment_is_taken():
    config = read_config(GOOD)
    assert config.issuer == "https://daybook.example"
    assert config.cache_url == "redis://redis:6379/2"
    assert config.log_level == "INFO"


def test_a_password_of_redis_stays_in_the_cache_s_address():
    assert read_config({**GOOD, "REDIS_URL": "redis://:word@redis/0"}).cache_url == "redis://:word@redis/2"


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_variable_is_named(name):
    with pytest.raises(ConfigurationError, match=rf"^{name} is not set\. Set {name} or {name}_FILE"):
        read_config({**GOOD, name: ""})


@pytest.mark.parametrize("name", GOOD)
def test_a_variable_may_come_from_a_file(name, tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{GOOD[name]}\n")
    assert read_config({**GOOD, name: "", f"{name}_FILE": str(path)}) == read_config(GOOD)


def test_a_file_that_can_t_be_read_is_named(tmp_path):
    missing = str(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match=f"JWKS_URL_FILE names {missing}"):
        read_config({**GOOD, "JWKS_URL": "", "JWKS_URL_FILE": missing})


def test_a_variable_given_twice_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="Both REDIS_URL and REDIS_URL_FILE are set"):
        read_config({**GOOD, "REDIS_URL_FILE": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "daybook.example"),
        ("PUBLIC_URL", "ftp://daybook.example"),
        ("PUBLIC_URL", "https://daybook.example/path"),
        ("ANALYTICS_DATABASE_URL", "mysql://user:s3cret-word@db/daybook"),
        ("ANALYTICS_DATABASE_URL", "s3cret-word"),
        ("ANALYTICS_DATABASE_URL", "postgres://user:s3cret-word@db:many/daybook"),
        ("JWKS_URL", "file:///etc/passwd"),
        ("REDIS_URL", "http://redis"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_nonsense_is_refused_without_showing_a_secret(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} ") as caught:
        read_config({**GOOD, name: value})
    assert "s3cret-word" not in str(caught.value)
