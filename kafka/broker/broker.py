"""One Kafka broker on loopback, with a folder and two ports of its own."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM
from string import Template

from broker import ports
from broker.artifacts import HERE, Artifacts, state_folder
from broker.java import find_java
from broker.process import BrokerProcess
from broker.trouble import BrokerTrouble

USUAL_PORT = 9092
HEAP_MEGABYTES = 256
START_SECONDS = 90.0
STOP_SECONDS = 60.0
KILL_SECONDS = 10.0
FORMAT_SECONDS = 90.0
TICK = 0.1
LAST_LINES = 12
LOG_LIMIT = 10_000_000
LOG_SETTINGS = HERE / "log4j2.properties"
TEMPLATE = HERE / "server.properties"


@dataclass(frozen=True)
class Place:
    """Where in `home` what lies."""

    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def settings(self) -> Path:
        return self.home / "server.properties"

    @property
    def log(self) -> Path:
        return self.home / "broker.log"

    @property
    def pid(self) -> Path:
        return self.home / "broker.pid"

    def properties(self, file: str) -> dict[str, str]:
        """Of settings or of data/meta.properties; empty where the file is not there."""
        path = self.home / file
        lines = path.read_text(encoding="latin-1").splitlines() if path.is_file() else []
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


class Broker:
    """The broker whose data are in `home`, running or not. Nothing happens before a method is called.

    Without `port` it is the one of the last start, or 9092; without `controller_port` the one after `port`.
    Every method raises BrokerTrouble with a sentence that says how to mend it.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        artifacts: Artifacts | None = None,
        heap_megabytes: int = HEAP_MEGABYTES,
        die_with_us: bool = False,
    ) -> None:
        self.place = Place(home.absolute())
        self.port = port or self._last_port() or USUAL_PORT
        self.controller_port = controller_port or self.port + 1
        self.artifacts = artifacts or Artifacts.usual()
        self.heap_megabytes = heap_megabytes
        self.die_with_us = die_with_us
        self.java_options: tuple[str, ...] = ()
        self._log_start = 0
        self._process = BrokerProcess(self.place.pid, str(self.place.settings))

    def _last_port(self) -> int | None:
        _, _, port = (
            self.place.properties("server.properties").get("advertised.listeners", "").rpartition(":")
        )
        return int(port) if port else None

    @property
    def address(self) -> str:
        """What clients take as bootstrap.servers."""
        return f"{ports.HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """None where it does not run."""
        return self._process.pid

    @property
    def cluster_id(self) -> str | None:
        """Another one after each wipe; None before the first start."""
        return self.place.properties("data/meta.properties").get("cluster.id")

    def command(self) -> list[str]:
        """What runs the broker in the foreground, for whoever supervises it. `prepare` comes first."""
        return [*self._java(), *self.java_options, "kafka.Kafka", str(self.place.settings)]

    def environment(self) -> dict[str, str]:
        """Kafka takes nothing from it; a JVM takes options, which are not meant for this one."""
        return {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ} | {
            "LC_ALL": "C.UTF-8"
        }

    def _java(self) -> list[str]:
        options = [f"-Xmx{self.heap_megabytes}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
        options += [f"-Dlog4j2.configurationFile={LOG_SETTINGS}", "-Djava.awt.headless=true"]
        if self.artifacts.startup_archive.exists():
            # One that does not fit (another Java, other jars) is passed over by Java without a word.
            options.append(f"-XX:SharedArchiveFile={self.artifacts.startup_archive}")
        return [find_java(), *options, "-cp", self.artifacts.classpath]

    def prepare(self) -> None:
        """Settings for these ports, and storage formatted where the folder is new."""
        self.artifacts.require()
        self.place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.place.settings.write_text(self._settings(self.place.data), encoding="ascii")
        if not (self.place.data / "meta.properties").exists():
            self._refuse_leftovers()
            self._format()

    def _settings(self, data: Path) -> str:
        if "," in str(data):
            raise BrokerTrouble(
                "bad_home",
                f"{data} has a comma in its name, which Kafka takes for the end of a folder's name.",
                "use a folder without one.",
            )
        template = Template(TEMPLATE.read_text(encoding="ascii"))
        return template.substitute(
            port=self.port, controller_port=self.controller_port, data=escaped(str(data))
        )

    def _refuse_leftovers(self) -> None:
        if self.place.data.exists() and any(self.place.data.iterdir()):
            raise BrokerTrouble(
                "data_damaged",
                f"{self.place.data} holds files, but no meta.properties: these are not a broker's whole data.",
                "put back what is missing, or begin anew: scripts/broker wipe (the database can fill it again).",
            )

    def _format(self) -> None:
        """Into a folder beside, then one rename: an interrupted start leaves nothing half made."""
        fresh = self.place.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        settings = self.place.home / "format.properties"
        settings.write_text(self._settings(fresh), encoding="ascii")
        try:
            self._run_storage_tool("format", "--config", str(settings), "--cluster-id", new_cluster_id())
        finally:
            settings.unlink()
        if self.place.data.exists():
            self.place.data.rmdir()
        fresh.rename(self.place.data)

    def _run_storage_tool(self, *arguments: str) -> None:
        try:
            done = subprocess.run(
                [*self._java(), "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", *arguments],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=FORMAT_SECONDS,
                umask=0o077,
            )
        except subprocess.TimeoutExpired as problem:
            raise BrokerTrouble(
                "format_failed",
                f"Kafka did not prepare {self.place.data} within {FORMAT_SECONDS:.0f} s.",
                "try again when this machine has less to do.",
            ) from problem
        if done.returncode:
            raise BrokerTrouble(
                "format_failed",
                f"Kafka could not prepare {self.place.data}:\n{last_lines(done.stdout)}",
                "see what it says; a full disk or a folder that can't be written are the usual reasons.",
            )

    def start(self, seconds: float = START_SECONDS) -> None:
        """Starts it and waits until it is ready. `already_running`, `port_taken`, `broker_died`, `broker_not_ready`."""
        if self.pid is not None:
            raise BrokerTrouble(
                "already_running",
                f"The broker of {self.place.home} already runs at {ports.HOST}:{self._last_port()}, "
                f"process {self.pid}.",
                "use that one, or stop it first: scripts/broker stop.",
            )
        ports.require_free(self.port, "the broker", f"--port {self.port + 10}")
        ports.require_free(
            self.controller_port, "its controller", f"--controller-port {self.controller_port + 10}"
        )
        self.prepare()
        self._log_start = self._open_log()
        self._process.start(self.command(), self.environment(), self.place.log, die_with_us=self.die_with_us)
        with self._killed_unless_it_works():
            self.wait_ready(seconds)

    def _open_log(self) -> int:
        """Puts a long log aside; answers where in the log this start begins."""
        size = self.place.log.stat().st_size if self.place.log.exists() else 0
        if size <= LOG_LIMIT:
            return size
        self.place.log.replace(self.place.log.with_suffix(".log.1"))
        return 0

    @contextmanager
    def _killed_unless_it_works(self) -> Iterator[None]:
        """A start that failed leaves no process behind."""
        try:
            yield
        except BaseException:
            self.kill()
            raise

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Until it answers a client's request for metadata with every partition led. It must have been started."""
        from broker.readiness import Readiness  # needs confluent_kafka, which a supervisor may not have

        deadline = time.monotonic() + seconds
        readiness = Readiness(self.address)
        while (cluster := readiness.cluster()) is None:
            if self.pid is None:
                raise self._trouble("broker_died", "The broker ended while it started.")
            if time.monotonic() > deadline:
                raise self._trouble("broker_not_ready", f"The broker was not ready within {seconds:.0f} s.")
            time.sleep(TICK)
        if cluster != self.cluster_id:
            raise self._trouble(
                "other_broker", f"Another broker (cluster {cluster}) answers at {self.address}."
            )

    def _trouble(self, code: str, wrong: str) -> BrokerTrouble:
        written = self.place.log.read_bytes()[self._log_start :] if self.place.log.exists() else b""
        return BrokerTrouble(
            code,
            f"{wrong} Its last words:\n{last_lines(written.decode(errors='replace'))}",
            f"see what it says above; all of it is in {self.place.log}.",
        )

    def is_ready(self) -> bool:
        """Whether it runs and serves, asked once."""
        from broker.readiness import Readiness

        cluster = Readiness(self.address).cluster() if self.pid is not None else None
        return cluster is not None and cluster == self.cluster_id

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """In order: what it holds is written. Nothing to do where it does not run. `stop_too_slow`."""
        self._process.signal(SIGTERM)
        if not self._process.wait_until_gone(seconds):
            raise BrokerTrouble(
                "stop_too_slow",
                f"The broker (process {self.pid}) did not end within {seconds:.0f} s of being asked.",
                "wait and ask again, or kill it, which its data survive: scripts/broker kill.",
            )

    def kill(self) -> None:
        """SIGKILL, as a crash would. Nothing to do where it does not run."""
        self._process.signal(SIGKILL)
        if not self._process.wait_until_gone(KILL_SECONDS):
            raise BrokerTrouble(
                "kill_failed",
                f"Process {self.pid} is still there {KILL_SECONDS:.0f} s after SIGKILL.",
                "see whether the disk it writes to answers at all.",
            )

    def wipe(self) -> None:
        """Removes topics, messages, offsets and the cluster's id; the next start begins a new cluster."""
        if self.pid is not None:
            raise BrokerTrouble(
                "still_running",
                f"The broker of {self.place.home} runs (process {self.pid}), and its data can't be removed under it.",
                "stop it first: scripts/broker stop.",
            )
        for folder in (self.place.data, self.place.home / "data.new"):
            if folder.exists():
                shutil.rmtree(folder)


def usual_home() -> Path:
    return state_folder() / "kafka"


def new_cluster_id() -> str:
    """16 random bytes as Kafka writes them. Not beginning with a dash, which its tool would take for an option."""
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not made.startswith("-"):
            return made


def escaped(value: str) -> str:
    """As a .properties file wants it: Latin-1 only, and backslashes doubled."""
    return "".join(
        char if ord(char) < 127 else "".join(f"\\u{unit:04x}" for unit in utf16_units(char))
        for char in value.replace("\\", "\\\\")
    )


def utf16_units(char: str) -> list[int]:
    encoded = char.encode("utf-16-be")
    return [int.from_bytes(encoded[at : at + 2], "big") for at in range(0, len(encoded), 2)]


def last_lines(text: str) -> str:
    """Without the frames of stack traces, which would push out what the trace is about."""
    lines = [line for line in text.splitlines() if not line.startswith("\tat ")]
    return "\n".join(f"    | {line[:300]}" for line in lines[-LAST_LINES:]) or "    (it wrote nothing)"
