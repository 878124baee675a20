"""Kafka's jars: fetched once with Maven, each checked against jars.sha256."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from broker.trouble import BrokerTrouble

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
PINS = HERE / "jars.sha256"
MAVEN_SECONDS = 600
LAST_LINES = 15


def kafka_version() -> str:
    """Such as `4.3.1`; pom.xml says it."""
    version = ElementTree.parse(POM).getroot().findtext(".//{*}kafka.version")
    if version is None:
        raise BrokerTrouble(
            "bad_pom", f"{POM} has no property kafka.version.", "take pom.xml from the repository."
        )
    return version


def state_folder() -> Path:
    """The project's .local/, unless DAYBOOK_STATE names another folder."""
    chosen = os.environ.get("DAYBOOK_STATE")
    return Path(chosen).absolute() if chosen else HERE.parents[1] / ".local"


@dataclass(frozen=True)
class Artifacts:
    """The jars of one version of Kafka in `folder`/lib."""

    folder: Path

    @staticmethod
    def usual() -> Artifacts:
        return Artifacts(state_folder() / f"kafka-{kafka_version()}")

    @property
    def lib(self) -> Path:
        return self.folder / "lib"

    @property
    def classpath(self) -> str:
        return f"{self.lib}/*"

    @property
    def startup_archive(self) -> Path:
        """Kafka's classes as Java has them in memory (AppCDS): with it a start takes half the CPU. May be missing."""
        return self.folder / "startup.jsa"

    def are_here(self) -> bool:
        """By name: their contents were checked when they came."""
        return self.lib.is_dir() and {jar.name for jar in self.lib.glob("*.jar")} == set(pinned())

    def require(self) -> None:
        """Raises BrokerTrouble `not_installed`."""
        if not self.are_here():
            raise BrokerTrouble(
                "not_installed",
                f"Kafka {kafka_version()}'s jars are not in {self.lib}.",
                "fetch them (needs Maven, 45 MB): scripts/broker install.",
            )

    def install(self) -> bool:
        """Fetches what is missing; answers whether anything was. Two at once: the second one waits."""
        with self._lock():
            if self.are_here():
                return False
            fresh = self.folder / "lib.new"
            fetch(fresh)
            refuse_others(fresh)
            shutil.rmtree(self.lib, ignore_errors=True)
            self.startup_archive.unlink(missing_ok=True)
            fresh.rename(self.lib)
        return True

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "install.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def fetch(target: Path) -> None:
    """Has Maven copy every jar of pom.xml into the empty folder `target`. Raises BrokerTrouble."""
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerTrouble(
            "maven_missing",
            f"Kafka {kafka_version()}'s jars are not here yet, and there is no Maven (mvn) to fetch them.",
            "install Maven (Debian: apt-get install --no-install-recommends maven), or copy a folder that "
            "`scripts/broker install` made elsewhere.",
        )
    shutil.rmtree(target, ignore_errors=True)
    command = [
        maven,
        "-B",
        "-q",
        "-ntp",
        "--strict-checksums",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
    ]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MAVEN_SECONDS
        )
    except subprocess.TimeoutExpired as problem:
        raise BrokerTrouble(
            "maven_failed",
            f"Maven did not fetch Kafka's jars within {MAVEN_SECONDS} s.",
            "see whether this machine reaches a Maven repository, and try again: it goes on where it was.",
        ) from problem
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        raise BrokerTrouble(
            "maven_failed",
            f"Maven could not fetch Kafka's jars:\n{last}",
            "see what it says; most often this machine reaches no Maven repository, or needs a mirror in settings.xml.",
        )


def pinned() -> dict[str, str]:
    """Jar's file name to its SHA-256, as jars.sha256 has it."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def refuse_others(folder: Path) -> None:
    """Raises BrokerTrouble where the folder's jars are not exactly those of jars.sha256."""
    expected, found = pinned(), digests(folder)
    if found != expected:
        names = sorted({name for name, _ in expected.items() ^ found.items()})
        raise BrokerTrouble(
            "jars_differ",
            f"The jars that Maven fetched are not those of {PINS.name}: {', '.join(names)}.",
            "do not use them if you did not change pom.xml: remove them from Maven's local repository and try again. "
            "If you did change it: scripts/broker lock.",
        )


def digests(folder: Path) -> dict[str, str]:
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in sorted(folder.glob("*.jar"))}


def lock(scratch: Path) -> int:
    """Writes jars.sha256 from what pom.xml gives today; answers how many jars there are."""
    fetch(scratch)
    found = digests(scratch)
    PINS.write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()), encoding="utf-8")
    return len(found)
