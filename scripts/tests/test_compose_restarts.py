"""Every service of compose restarted in turn while commands flow: nothing lost, doubled or out of order."""

import json
import os

import pytest

from daybook_scripts import ports
from daybook_scripts.chaos.compose import restart_each
from daybook_scripts.compose_project import Project, docker_answers
from daybook_scripts.compose_project import ports as chosen_ports

pytestmark = [
    pytest.mark.full,
    pytest.mark.compose,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not docker_answers(), reason="no Docker daemon answers here"),
]

SERVICES = (
    "proxy", "web", "ws", "relay", "consumers", "worker", "beat", "analytics", "redis", "kafka", "postgres", "flower",
    "kafka-ui",
)  # fmt: skip


def test_nothing_is_lost_while_each_service_is_restarted(tmp_path):
    chosen = chosen_ports(ports.free_port(), ports.free_port(), ports.free_port())
    project = Project(f"daybookrestarts{os.getpid()}", environment=chosen | {"REGISTRATION": "open"})
    try:
        project.up()
        left = restart_each(project, SERVICES, tmp_path)
    finally:
        project.down("-v", "--rmi", "local")
    print(json.dumps(left.report()))
    assert left.findings.words == []
    assert left.holds(), left.report()
    assert project.left_over() == []
