"""Temporary servers for the tests: PostgreSQL 15 and the wheel's, and the Redis-compatible one, on free ports.

They end with the run, so nothing is flushed to disk; everything else is as in production.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from daybook_scripts import ports, servers
from daybook_scripts.accounts import can_run, own_folder, unprivileged_account
from daybook_scripts.supervisor import Supervisor

PASSING = (
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
)


class TemporaryServers:
    """Starts servers in `folder`, as an unprivileged user where we are root."""

    def __init__(self, folder: Path, environment: Path) -> None:
        self.folder = folder
        self.account = unprivileged_account()
        self.supervisor = Supervisor(own_folder(folder / "log", None))
        self.binaries = self._binaries(environment)

    def _binaries(self, environment: Path) -> servers.Binaries:
        in_place = servers.Binaries.in_folder(servers.site_packages(environment))
        if can_run(self.account, [str(in_place.postgres / "initdb"), "--version"], Path("/")):
            return in_place
        return servers.Binaries.in_folder(servers.copy_binaries(environment, self.folder))

    def start_postgres(self, bin_folder: Path) -> str:
        """The superuser's address of a new cluster."""
        name = f"postgres-{servers.major_of_binaries(bin_folder)}"
        cluster = servers.Cluster(
            bin_folder, self.folder / name, ports.free_port(), secrets.token_hex(16), self.account
        )
        servers.make_cluster(cluster, "--no-sync")
        child = self.supervisor.start(servers.postgres_program(cluster, *PASSING, name=name))
        self.supervisor.wait_until(child, lambda: servers.postgres_ready(cluster), 60)
        return cluster.superuser_url()

    def start_redis(self) -> str:
        folder = own_folder(self.folder / "redis", self.account)
        server = servers.Valkey(
            self.binaries.valkey, folder, ports.free_port(), secrets.token_hex(16), self.account
        )
        child = self.supervisor.start(servers.valkey_program(server))
        self.supervisor.wait_until(child, lambda: servers.valkey_ready(server), 60)
        return server.url
