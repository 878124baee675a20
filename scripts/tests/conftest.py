"""What the tests of the commands share: a person's environment, and a Daybook of one's own with the demo data."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from broker import ports as broker_ports
from daybook_scripts import kafka_broker, layout, ports, programs
from daybook_scripts.compose_project import Project
from daybook_scripts.temporary_servers import TemporaryServers
from tms_testing.database import migrated_database
from tms_testing.kafka_broker import kafka_or_skip

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres:dev@127.0.0.1:5515/postgres")
START_SECONDS = 120

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


class ComposeInstall:
    """A Daybook that runs in compose, with the demo data: what a test of the thread asks of an install."""

    def __init__(self, project, folder):
        self._project, self._folder = project, folder
        self.public_url, self.analytics_url = project.public_url, project.analytics_url

    @property
    def outbox(self):
        """A copy of what is there at this moment."""
        return self._project.copy_mails(self._folder)


# Over both logs; compose has the one it is configured for.
LOGS = (
    ["compose"]
    if os.environ.get("DAYBOOK_COMPOSE")
    else ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)]
)


@pytest.fixture(scope="session", params=LOGS)
def demo_install(request, tmp_path_factory):
    """A running Daybook with the demo data: the compose project that DAYBOOK_COMPOSE names, else one of our own."""
    if request.param == "compose":
        name = os.environ["DAYBOOK_COMPOSE"]
        core = os.environ.get("DAYBOOK_COMPOSE_CORE") == "1"
        yield ComposeInstall(Project(name, core=core), tmp_path_factory.mktemp("outbox"))
    else:
        yield from small_install(request.param)


def small_install(log):
    """Its wiring: web, stream, worker and analytics as `scripts/run` has them."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-install-"))
    folder.chmod(0o711)  # ours, so we may: the Redis-compatible server's user has to pass through
    servers = TemporaryServers(folder, Path(sys.prefix))
    try:
        with migrated_database(SERVER_URL) as database:
            try:
                wiring = wire(folder, database, servers.start_redis())
                if log == "kafka":
                    wiring = replace(wiring, kafka_bootstrap=start_broker(folder, servers))
                manage(wiring, "collectstatic", "--noinput", "-v", "0")
                manage(wiring, "seed")
                start(wiring, servers)
                yield wiring
            finally:
                servers.supervisor.stop_all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wire(folder, database, redis_url):
    port = ports.free_port()
    return programs.Wiring(
        python=Path(sys.executable),
        account=None,
        public_url=f"http://127.0.0.1:{port}",
        bind="127.0.0.1",
        web_port=port,
        analytics_port=ports.free_port(),
        flower_port=ports.free_port(),
        owner_database_url=database.owner_url,
        role_urls={role: database.url_of(role) for role in programs.ROLES},
        redis_url=redis_url,
        secret_key=secrets.token_hex(32),
        flower_password=secrets.token_hex(12),
        keys=database.keys_dir,
        data=folder / "data",
        outbox=folder / "outbox",
        static=folder / "static",
        demo=True,
    )


def start_broker(folder, servers):
    kafka_or_skip()
    broker, program = kafka_broker.prepared_broker(folder / "broker", None, broker_ports.free_port())
    child = servers.supervisor.start(program)
    servers.supervisor.wait_until(child, lambda: kafka_broker.is_listening(broker), START_SECONDS)
    return broker.address


def manage(wiring, *command):
    subprocess.run(
        [str(wiring.python), "manage.py", *command],
        cwd=layout.DJANGO,
        env=programs.django_env(wiring),
        check=True,
    )


def start(wiring, servers):
    children = {
        program.name: servers.supervisor.start(program)
        for program in (
            programs.web(wiring),
            programs.stream(wiring),
            programs.worker(wiring),
            programs.analytics(wiring),
        )
    }
    ready = {
        "web": f"{wiring.web_url}/readyz",
        "analytics": f"{wiring.analytics_url}/api/v1/analytics/healthz",
    }
    for name, url in ready.items():
        servers.supervisor.wait_until(children[name], lambda url=url: programs.answers(url), START_SECONDS)
