"""A Daybook in compose: started, asked, and taken away again, volumes and images included."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daybook_scripts import layout
from daybook_scripts.compose import CORE, WHOLE, command
from daybook_scripts.trouble import Trouble

OUTBOX = "/var/lib/daybook/outbox"
# From nothing: images built, topics made. A machine that builds for the first time and slowly still gets there.
UP_SECONDS = 1800
KIB = 1024


def docker_answers() -> bool:
    """Whether there is a daemon that this user may talk to."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=60).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


@dataclass(frozen=True)
class Project:
    """`folder` is where the compose files lie (a clone); `environment` is what is set over its .env."""

    name: str
    folder: Path = layout.ROOT
    core: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *words: str, given: str | None = None, check: bool = True, seconds: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose …`; a failure shows what it said."""
        files = [
            word for file in (CORE if self.core else WHOLE) for word in ("-f", str(self.folder / file.name))
        ]
        done = subprocess.run(
            [*command(), "-p", self.name, *files, *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **self.environment},
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        if check and done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
            raise Trouble(
                "compose_failed", f"docker compose {' '.join(words)} failed:\n{said}", "see what it says."
            )
        return done

    def up(self, *services: str) -> None:
        """Raises Trouble unless everything is healthy in the end."""
        self.run("up", "--build", "-d", "--wait", *services, seconds=UP_SECONDS)

    def down(self, *options: str) -> None:
        self.run("down", "--remove-orphans", *options)

    def execute(self, service: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("exec", "-T", service, *words, check=check)

    def containers(self) -> list[dict[str, Any]]:
        """As `docker compose ps` tells of them, those that have ended included."""
        lines = self.run("ps", "-a", "--format", "json").stdout.splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def left_over(self) -> list[str]:
        """Containers, volumes, networks and images that carry this project's name."""
        found = []
        for kind, columns in (
            ("container", "{{.Names}}"),
            ("volume", "{{.Name}}"),
            ("network", "{{.Name}}"),
            ("image", "{{.Repository}}"),
        ):
            listing = ["docker", kind, "ls", "--format", columns, *(["-a"] if kind == "container" else [])]
            names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
            found += [
                f"{kind} {name}" for name in names if name.startswith((f"{self.name}-", f"{self.name}_"))
            ]
        return found

    def memory(self) -> dict[str, float]:
        """Each running container's memory in MB: the proportional set size of its processes. Needs root."""
        found = {}
        for container in self.containers():
            if container["State"] == "running":
                top = ["docker", "top", container["ID"], "-eo", "pid"]
                pids = subprocess.run(top, capture_output=True, text=True, check=True).stdout.split()[1:]
                found[container["Service"]] = round(sum(map(_pss_kib, pids)) / KIB, 1)
        return found

    # --- what a test of the thread asks of an install

    @property
    def public_url(self) -> str:
        return self.execute("web", "printenv", "PUBLIC_URL").stdout.strip()

    @property
    def analytics_url(self) -> str | None:
        """Through the proxy, as API clients reach it; None in the small choice."""
        return None if self.core else self.public_url

    def copy_mails(self, target: Path) -> Path:
        """What lies in the outbox now, as files in `target`."""
        done = subprocess.run(
            ["docker", "cp", f"{self.container('worker')}:{OUTBOX}/.", "-"], capture_output=True, check=False
        )
        if done.returncode == 0:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                archive.extractall(target, filter="data")
        return target

    def container(self, service: str) -> str:
        """Its id."""
        return self.run("ps", "-aq", service).stdout.strip()

    def owner_url(self) -> str:
        """The owner's database address as this machine reaches it: by the container's own address. Linux only."""
        secret = self.run(
            "run", "--rm", "--no-deps", "-T", "migrate", "cat", "/run/owner-secrets/database_url"
        ).stdout.strip()
        networks = json.loads(
            subprocess.run(
                ["docker", "inspect", "-f", "{{json .NetworkSettings.Networks}}", self.container("postgres")],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        address = networks[f"{self.name}_postgres"]["IPAddress"]
        return with_host(secret, address)


def with_host(url: str, host: str) -> str:
    parts = urllib.parse.urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}@{host}:{parts.port}").geturl()


def _pss_kib(pid: str) -> int:
    """0 for a process that has ended meanwhile."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def ports(web: int, flower: int, kafka_ui: int) -> dict[str, str]:
    return {"WEB_PORT": str(web), "FLOWER_PORT": str(flower), "KAFKA_UI_PORT": str(kafka_ui)}


def services_not_healthy(containers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Long-running ones that are not healthy, and one-shots that did not end well."""
    return [
        f"{each['Service']}: {each['Status']}"
        for each in containers
        if not (each["Health"] == "healthy" or (each["State"] == "exited" and each["ExitCode"] == 0))
    ]
