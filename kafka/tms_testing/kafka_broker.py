"""Kafka for tests that need the real one."""

from __future__ import annotations

import os

import pytest

from broker.artifacts import Artifacts
from broker.java import find_java
from broker.trouble import BrokerTrouble


def kafka_or_skip() -> Artifacts:
    """Kafka's jars, fetched where they are not here. Without Java or Maven: a skip, and a failure where CI is set."""
    artifacts = Artifacts.usual()
    try:
        find_java()
        artifacts.install()
    except BrokerTrouble as trouble:
        if os.environ.get("CI", "").lower() in ("", "0", "false"):
            pytest.skip(str(trouble))
        raise
    return artifacts
