"""A Daybook to kill: its own database, Redis-compatible server and keys, and the programs of `scripts/run`."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from broker import ports as broker_ports
from daybook_scripts import kafka_broker, layout, ports, programs
from daybook_scripts.chaos.doors import Address
from daybook_scripts.chaos.plan import CONSUMERS, Plan
from daybook_scripts.supervisor import Child, Program, Supervisor
from daybook_scripts.temporary_servers import TemporaryServers
from daybook_scripts.trouble import Trouble
from tms_events.topics import partitions_by_topic
from tms_testing.database import MigratedDatabase, migrated_database
from tms_testing.kafka_feed import read_all

# Of whoever starts us; the run has its own, or none.
NOT_OURS = ("EMAIL_URL", "CACHE_REDIS_URL", "DEBUG", "BIND", "LOG_LEVEL")
START_SECONDS = 120

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass
class Stack:
    """`programs` by the name of the target that kills it."""

    database: MigratedDatabase
    wiring: programs.Wiring
    supervisor: Supervisor
    programs: dict[str, Program]
    plan: Plan
    bootstrap: str = ""

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.wiring.web_port)

    @property
    def outbox(self) -> Path:
        return self.wiring.outbox

    def connect(self) -> Connection:
        """As the tables' owner."""
        return psycopg.connect(self.database.owner_url, autocommit=True, application_name="daybook chaos")

    def start(self, target: str) -> None:
        self.supervisor.start(self.programs[target])

    def wait_for_web(self) -> None:
        web = self.child("web")
        self.supervisor.wait_until(
            web, lambda: programs.answers(f"{self.wiring.web_url}/readyz"), START_SECONDS
        )

    def child(self, target: str) -> Child:
        return self.supervisor.children[self.programs[target].name]

    def kill(self, target: str) -> None:
        """SIGKILL to the program and all it has started, as when its machine goes. The supervisor starts it again."""
        child = self.child(target)
        assert child.process is not None
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        child.failures = 0  # each kill of ours is a story of its own: no longer pause for the next

    def switch_log(self, log: str) -> None:
        """Move the install to `log`, as an operator does it: stop the relay, prepare, start relay and consumers anew.

        The old consumers work until then.
        """
        self.wiring = replace(self.wiring, kafka_bootstrap=self.bootstrap if log == "kafka" else "")
        self._stop("relay")
        switch = programs.switch_log(replace(self.wiring, kafka_bootstrap=self.bootstrap))
        command = [*switch.command[:-1], log]
        done = subprocess.run(
            command, cwd=switch.cwd, env=_own(switch.env), capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise Trouble("switch_failed", done.stderr.strip(), "see what it says.")
        fresh = _programs(self.plan, self.wiring)
        for target in ("relay", *consumers_of(self.plan)):
            self._stop(target)
            self.programs[target] = fresh[target]
            self.start(target)

    def _stop(self, target: str) -> None:
        child = self.child(target)
        if child.process is not None and child.alive:
            child.process.terminate()
            child.process.wait(START_SECONDS)

    def seqs_in_kafka(self) -> dict[tuple[str, int], list[int]]:
        """Of each partition's messages, in Kafka's order."""
        found = read_all(self.bootstrap, list(partitions_by_topic()))
        return {place: [mark.seq for mark in marks] for place, marks in found.items()}

    def unasked_deaths(self, kills: dict[str, int]) -> list[str]:
        """Programs that died more often than they were killed."""
        return [
            f"{target} died {len(self.child(target).deaths)} times and was killed {kills[target]} times"
            for target in self.programs
            if len(self.child(target).deaths) > kills[target]
        ]


@contextmanager
def running_stack(plan: Plan, server_url: str) -> Iterator[Stack]:
    """Everything started but the programs; on leaving all is stopped and gone. `server_url` is a superuser's."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-chaos-"))
    folder.chmod(0o711)  # ours, so we may: the Redis-compatible server's user has to pass through
    servers = TemporaryServers(folder, Path(sys.prefix))
    try:
        with migrated_database(server_url) as database:
            try:
                yield _assemble(plan, folder, database, servers)
            finally:
                servers.supervisor.stop_all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _assemble(plan: Plan, folder: Path, database: MigratedDatabase, servers: TemporaryServers) -> Stack:
    wiring = _wire(folder, database, servers.start_redis())
    bootstrap, more = "", {}
    if plan.needs_kafka:
        broker, program = kafka_broker.prepared_broker(folder / "broker", None, broker_ports.free_port())
        bootstrap, more = broker.address, {"broker": program}
    if plan.log == "kafka":
        wiring = replace(wiring, kafka_bootstrap=bootstrap)
    return Stack(database, wiring, servers.supervisor, more | _programs(plan, wiring), plan, bootstrap)


def consumers_of(plan: Plan) -> tuple[str, ...]:
    return CONSUMERS if plan.consumers_alone else ("consumers",)


def _wire(folder: Path, database: MigratedDatabase, redis_url: str) -> programs.Wiring:
    port = ports.free_port()
    folders = {name: folder / name for name in ("data", "outbox", "static")}
    for made in folders.values():
        made.mkdir(mode=0o700)
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
        demo=False,
        kafka_bootstrap="",
        **folders,
    )


def _programs(plan: Plan, wiring: programs.Wiring) -> dict[str, Program]:
    """The small install's, except that relay and consumers are processes of their own, so that each can be killed."""
    stream = programs.stream_env(wiring)
    made = {
        "web": programs.web(wiring),
        "relay": _stream_program("relay", ("-m", "relay"), stream, wiring),
        "worker": programs.worker(wiring),
    }
    if plan.consumers_alone:
        made |= {name: _stream_program(name, ("-m", "consumers", name), stream, wiring) for name in CONSUMERS}
    else:
        made["consumers"] = _stream_program("consumers", ("-m", "consumers", "all"), stream, wiring)
    return {target: replace(program, env=_own(program.env)) for target, program in made.items()}


def _stream_program(
    name: str, command: tuple[str, ...], env: dict[str, str], wiring: programs.Wiring
) -> Program:
    return programs.program(name, command, layout.KAFKA, env, wiring)


def _own(env: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in env.items() if name not in NOT_OURS and not name.endswith("_FILE")}
    return kept | {"REGISTRATION": "open"}
