"""`python -m broker.image`: builds the image with the Docker daemon of this machine."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from broker.artifacts import Artifacts, kafka_version
from broker.broker import LOG_SETTINGS, last_lines
from broker.trouble import BrokerTrouble

HERE = Path(__file__).resolve().parent
LABEL = "daybook.kafka"
# The image of the same name that a stand-in for the registry makes: an imitation, which this one replaces.
IMITATION_LABEL = "standin.of"
BASE = "python:3.13-slim"
PROGRAMS = ("run.py", "tool.sh")


def build(name: str, base: str) -> bool:
    """Answers False where an image of that name is here that is neither ours nor an imitation: the official one."""
    if not may_replace(labels_of(name)):
        return False
    artifacts = Artifacts.usual()
    artifacts.install()
    with tempfile.TemporaryDirectory() as folder:
        lay_out(artifacts, Path(folder))
        run_docker(
            "build", "--pull=false", "--build-arg", f"BASE={base}", "--label", f"{LABEL}={kafka_version()}",
            "--tag", name, folder,
        )  # fmt: skip
    return True


def may_replace(labels: dict[str, str] | None) -> bool:
    return labels is None or LABEL in labels or IMITATION_LABEL in labels


def labels_of(name: str) -> dict[str, str] | None:
    """None where there is no such image."""
    listed = run_docker("image", "ls", "--quiet", name)
    if not listed.strip():
        return None
    labels: dict[str, str] | None = json.loads(
        run_docker("image", "inspect", "--format", "{{json .Config.Labels}}", name)
    )
    return labels or {}


def lay_out(artifacts: Artifacts, folder: Path) -> None:
    """What the Dockerfile copies, and nothing else."""
    for name in ("Dockerfile", "run.py", "tool.sh", "tools-log4j2.properties"):
        shutil.copy(HERE / name, folder)
    shutil.copy(LOG_SETTINGS, folder)
    shutil.copytree(artifacts.lib, folder / "lib")
    # The image runs as a user of its own, whatever the umask was here. Not by COPY --chmod: the older builder lacks it.
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.name in PROGRAMS else 0o644)


def run_docker(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as problem:
        raise BrokerTrouble("docker_missing", "There is no docker here.", "install Docker.") from problem
    if done.returncode:
        raise BrokerTrouble(
            "docker_failed",
            f"docker {arguments[0]} failed:\n{last_lines(done.stdout + done.stderr)}",
            f"see what it says; the daemon must run, and the image {BASE} be here or to be had.",
        )
    return done.stdout


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m broker.image", description=__doc__)
    parser.add_argument("--name", default=f"apache/kafka:{kafka_version()}", help="%(default)s")
    parser.add_argument("--base", default=BASE, help="a Debian with Python 3.11 or newer (%(default)s)")
    asked = parser.parse_args(arguments)
    try:
        built = build(asked.name, asked.base)
    except BrokerTrouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    sys.stdout.write(
        f"{asked.name} is {'built' if built else 'here already, and not of our making: left alone'}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
