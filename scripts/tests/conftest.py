"""A small install of one's own for tests that need all of it: real servers, real programs, the demo data."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from daybook_scripts import layout, ports, programs
from daybook_scripts.temporary_servers import TemporaryServers
from tms_testing.database import migrated_database

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres:dev@127.0.0.1:5515/postgres")
START_SECONDS = 120


@pytest.fixture(scope="session")
def demo_install():
    """The wiring of a running Daybook with the demo data: web, stream, worker and analytics as `scripts/run` has them."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-install-"))
    folder.chmod(0o711)  # ours, so we may: the Redis-compatible server's user has to pass through
    servers = TemporaryServers(folder, Path(sys.prefix))
    try:
        with migrated_database(SERVER_URL) as database:
            try:
                wiring = wire(folder, database, servers.start_redis())
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
