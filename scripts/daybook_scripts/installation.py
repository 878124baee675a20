"""One small install, from nothing to running: environment, servers, keys, roles, tables, programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from daybook_scripts import kafka_broker, layout, ports, programs, servers
from daybook_scripts.accounts import popen_rights
from daybook_scripts.environment import clean_of_python
from daybook_scripts.home import Home
from daybook_scripts.progress import say, step
from daybook_scripts.secret_files import secret
from daybook_scripts.supervisor import Supervisor
from daybook_scripts.trouble import Trouble

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OWNER, DATABASE = "daybook_owner", "daybook"


@dataclass(frozen=True)
class Choices:
    """What the person asked for, by flags and environment."""

    port: int
    analytics_port: int
    flower_port: int
    demo: bool
    flower: bool
    kafka: bool = False

    @property
    def bind(self) -> str:
        return os.environ.get("BIND") or "127.0.0.1"

    @property
    def public_url(self) -> str:
        return os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{self.port}"

    @property
    def on_loopback(self) -> bool:
        return self.bind in LOOPBACK and urlsplit(self.public_url).hostname in LOOPBACK


class Installation:
    def __init__(self, home: Home, choices: Choices) -> None:
        self.home = home
        self.choices = choices
        self.supervisor = Supervisor(home.logs)
        self.wiring: programs.Wiring | None = None

    # --- servers

    def start_servers(self) -> None:
        database = self.given("DATABASE_URL") or self.start("postgres", self.start_postgres)
        redis = self.given("REDIS_URL") or self.start("redis", self.start_redis)
        kafka = ""
        if self.choices.kafka:
            kafka = self.given("KAFKA_BOOTSTRAP") or self.start("kafka", self.start_broker)
        self.wiring = replace(self.wire(database, redis), kafka_bootstrap=kafka)

    def given(self, name: str) -> str | None:
        url = os.environ.get(name)
        if url:
            say(f"  {name} is given: that server is used, and no own one started.")
        return url

    def start(self, name: str, server: Callable[[], str]) -> str:
        with step(name):
            return server()

    def start_postgres(self) -> str:
        """Its own cluster; answers the owner's address. The owner is no superuser, as with a server one is given."""
        home = self.home
        password = secret(home.secrets, "postgres_superuser")
        port = ports.preferred(15432)
        cluster = servers.Cluster(
            home.binaries.postgres, home.servers / "postgres", port, password, home.server_account
        )
        if cluster.data.exists():
            servers.require_same_major(cluster)
            wait_for_predecessor(cluster, self.supervisor)
        else:
            servers.make_cluster(cluster)
        child = self.supervisor.start(servers.postgres_program(cluster))
        self.supervisor.wait_until(child, lambda: servers.postgres_ready(cluster), 120)
        owner_password = secret(home.secrets, "postgres_owner")
        servers.run_sql(cluster, owner_sql(owner_password))
        if not servers.run_sql(cluster, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):
            servers.run_sql(cluster, f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        return cluster.url(OWNER, owner_password, DATABASE)

    def start_redis(self) -> str:
        home = self.home
        password = secret(home.secrets, "redis")
        folder = home.servers / "redis"
        server = servers.Valkey(
            home.binaries.valkey, folder, ports.preferred(16379), password, home.server_account
        )
        child = self.supervisor.start(servers.valkey_program(server))
        self.supervisor.wait_until(child, lambda: servers.valkey_ready(server), 60)
        return server.url

    def start_broker(self) -> str:
        broker, program = kafka_broker.prepared_broker(self.home.servers / "broker", self.home.server_account)
        child = self.supervisor.start(program)
        self.supervisor.wait_until(child, lambda: kafka_broker.is_listening(broker), 120)
        return broker.address

    def wire(self, owner_url: str, redis_url: str) -> programs.Wiring:
        home, choices = self.home, self.choices
        return programs.Wiring(
            python=home.python,
            account=home.program_account,
            public_url=choices.public_url,
            bind=choices.bind,
            web_port=choices.port,
            analytics_port=choices.analytics_port,
            flower_port=choices.flower_port,
            owner_database_url=owner_url,
            role_urls={
                role: with_login(owner_url, f"daybook_{role}_login", secret(home.secrets, f"postgres_{role}"))
                for role in programs.ROLES
            },
            redis_url=redis_url,
            secret_key=secret(home.secrets, "session_signing"),
            flower_password=secret(home.secrets, "flower")[:24],
            keys=home.program_folder("keys"),
            data=home.program_folder("data"),
            outbox=home.program_folder("outbox"),
            static=home.static,
            demo=choices.demo and choices.on_loopback,
        )

    # --- what has to be there before the programs

    def prepare(self) -> None:
        wiring = self.need_wiring()
        with step("keys"):
            if not (wiring.keys / "signing").exists():
                self.django("keys", "-m", "apps.common.auth.keys", "generate", str(wiring.keys))
        owner = programs.owner_env(wiring)
        first = self.is_first_start(owner)
        with step("roles"):
            self.django("roles", "manage.py", "db_roles", env=owner)
        with step("migrate"):
            self.django("migrate", "manage.py", "migrate", "--noinput", env=owner)
        self.choose_log(wiring)
        if not wiring.static.exists():
            with step("static files"):
                self.collect_static(wiring)
        if first:
            self.furnish_first_start(wiring)

    def choose_log(self, wiring: programs.Wiring) -> None:
        """Moves the install to the log it is to use from now on, where that is another than the last time."""
        remembered = self.home.state / "event-log"
        before = remembered.read_text().strip() if remembered.exists() else "postgres"
        if before == wiring.event_log:
            return
        with step(f"event log: {before} to {wiring.event_log}"):
            switch = programs.switch_log(wiring)
            done = subprocess.run(
                switch.command,
                cwd=switch.cwd,
                env=switch.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                **popen_rights(switch.account),
            )
        if done.returncode:
            raise Trouble("switch_failed", done.stderr.strip(), "see what it says, and start again.")
        remembered.write_text(f"{wiring.event_log}\n")

    def collect_static(self, wiring: programs.Wiring) -> None:
        """They are no secret and lie beside the environment: made with our rights, readable by all."""
        fresh = wiring.static.with_name(wiring.static.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        env = programs.django_env(wiring) | {"STATIC_ROOT": str(fresh)}
        ours = replace(wiring, account=None)
        self.django(
            "static files",
            "manage.py",
            "collectstatic",
            "--noinput",
            "-v",
            "0",
            env=env,
            wiring=ours,
            umask=0o022,
        )
        fresh.rename(wiring.static)

    def is_first_start(self, owner: dict[str, str]) -> bool:
        """Whether the database is new to Daybook. Kept in a file until all is loaded, so that a stop between
        tables and demo data does not lose the latter."""
        marker = self.home.state / "first-start"
        if not marker.exists() and not has_tables(self.home.python, owner["DATABASE_URL"]):
            marker.touch()
        return marker.exists()

    def furnish_first_start(self, wiring: programs.Wiring) -> None:
        if wiring.demo:
            with step("demo data"):
                printed = self.django("demo data", "manage.py", "seed")
            sign_in = [line for line in printed.splitlines() if "@" in line]
            (self.home.state / "demo-sign-in").write_text("\n".join(sign_in) + "\n")
        (self.home.state / "first-start").unlink()

    def django(
        self,
        what: str,
        *command: str,
        env: dict[str, str] | None = None,
        wiring: programs.Wiring | None = None,
        umask: int = 0o077,
    ) -> str:
        """Runs one of Django's commands; answers what it printed."""
        wiring = wiring or self.need_wiring()
        done = self.run_django(command, env or programs.django_env(wiring), wiring, umask)
        log = self.home.logs / "setup.log"
        with log.open("a") as file:
            file.write(f"--- {what}: {' '.join(command)}\n{done.stdout}{done.stderr}")
        if done.returncode:
            words = "".join(f"\n    | {line}" for line in (done.stdout + done.stderr).splitlines()[-15:])
            raise Trouble(
                "setup_failed", f"{what} failed:{words}", f"see what it says above; all of it is in {log}."
            )
        return done.stdout

    def ask_django(self, *command: str) -> tuple[str, str]:
        """For a command that may refuse: (what it printed, why it refused), one of them empty."""
        wiring = self.need_wiring()
        done = self.run_django(command, programs.django_env(wiring), wiring, 0o077)
        if done.returncode:
            return "", (done.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix(
                "CommandError: "
            )
        return done.stdout.strip(), ""

    def run_django(
        self, command: tuple[str, ...], env: dict[str, str], wiring: programs.Wiring, umask: int
    ) -> subprocess.CompletedProcess[str]:
        """To its end, unless we are asked to stop meanwhile: then it is stopped too."""
        process = subprocess.Popen(
            [str(wiring.python), *command],
            cwd=layout.DJANGO,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            umask=umask,
            **popen_rights(wiring.account),
        )
        while True:
            try:
                printed, complained = process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if self.supervisor.stop_asked:
                    process.terminate()
        if self.supervisor.stop_asked:
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, process.returncode, printed, complained)

    # --- programs

    def start_programs(self) -> None:
        wiring = self.need_wiring()
        with step("web"):
            web = self.supervisor.start(programs.web(wiring))
            self.supervisor.wait_until(web, lambda: programs.answers(f"{wiring.web_url}/readyz"), 120)
        with step("stream, worker, analytics"):
            self.supervisor.start(programs.stream(wiring))
            self.supervisor.start(programs.worker(wiring))
            analytics = self.supervisor.start(programs.analytics(wiring))
            healthz = f"{wiring.analytics_url}/api/v1/analytics/healthz"
            self.supervisor.wait_until(analytics, lambda: programs.answers(healthz), 120)
        if self.choices.flower:
            with step("flower"):
                flower = self.supervisor.start(programs.flower(wiring))
                self.supervisor.wait_until(
                    flower, lambda: not ports.is_free("127.0.0.1", wiring.flower_port), 60
                )

    def need_wiring(self) -> programs.Wiring:
        if self.wiring is None:
            raise RuntimeError("the servers are started first")
        return self.wiring


@contextmanager
def running(installation: Installation) -> Iterator[Installation]:
    """Whatever happens inside, every child is stopped."""
    installation.supervisor.listen_to_signals()
    try:
        yield installation
    finally:
        with step("stop"):
            installation.supervisor.stop_all()


def owner_sql(password: str) -> str:
    """Idempotent. Only hex digits in the password, so it needs no quoting."""
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') THEN "
        f"CREATE ROLE {OWNER} LOGIN CREATEROLE; END IF; END $$; "
        f"ALTER ROLE {OWNER} PASSWORD '{password}';"
    )


def with_login(url: str, user: str, password: str) -> str:
    """The same server and database, as somebody else."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{password}@{where}").geturl()


def has_tables(python: Path, database_url: str) -> bool:
    """Asked with the environment's own driver, since the server may be anywhere. The address goes by environment:
    arguments are for everyone to read."""
    code = (
        "import os, psycopg\n"
        "with psycopg.connect(os.environ['DATABASE_URL'], connect_timeout=10) as c:\n"
        "    print(c.execute(\"SELECT to_regclass('django_migrations') IS NOT NULL\").fetchone()[0])"
    )
    env = clean_of_python(dict(os.environ)) | {"DATABASE_URL": database_url}
    done = subprocess.run([str(python), "-c", code], env=env, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise Trouble(
            "database_unreachable",
            f"PostgreSQL does not let us in: {hide_password(last[0])}",
            "correct DATABASE_URL, or leave it unset to use the server that Daybook brings.",
        )
    return done.stdout.strip() == "True"


def hide_password(text: str) -> str:
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:…@", text)


def wait_for_predecessor(cluster: servers.Cluster, supervisor: Supervisor, seconds: float = 30) -> None:
    """After a SIGKILL of ours the old server may still be stopping; two on one folder would be refused anyway."""
    deadline = time.monotonic() + seconds
    while (pid := live_postmaster(cluster)) is not None:
        if supervisor.stop_asked:
            raise KeyboardInterrupt
        if time.monotonic() > deadline:
            raise Trouble(
                "postgres_still_runs",
                f"A PostgreSQL from an earlier start (process {pid}) still runs on {cluster.data}.",
                f"stop it: kill -INT {pid}.",
            )
        time.sleep(0.2)


def live_postmaster(cluster: servers.Cluster) -> int | None:
    """The process that postmaster.pid names, if it is there and a PostgreSQL on this folder."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return pid if str(cluster.data).encode() in command else None
