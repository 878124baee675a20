"""What the tests of the commands share."""

import os
import sys

import pytest

# django_backend/conftest.py puts a test run's settings into the environment that all tests share.
SETTINGS = (
    "PUBLIC_URL",
    "SECRET_KEY",
    "JWT_KEYS_DIR",
    "DATA_DIR",
    "REDIS_URL",
    "REGISTRATION",
    "DEMO_ACCOUNTS",
)


@pytest.fixture(scope="session")
def persons_env():
    """The environment of somebody who types a command, with the Python that runs the tests."""
    mine = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    mine = {
        name: value
        for name, value in mine.items()
        if not name.endswith("DATABASE_URL") and name != "PYTHONPATH"
    }
    return mine | {"PYTHON": sys.executable}
