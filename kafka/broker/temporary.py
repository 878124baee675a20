"""A broker for the length of a test or a measurement, and the archive that makes starts quicker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker import ports
from broker.artifacts import Artifacts
from broker.broker import Broker


@contextmanager
def temporary_broker(*, artifacts: Artifacts | None = None, started: bool = True) -> Iterator[Broker]:
    """In a folder and on ports of its own. Killed and removed at the end; killed too when our thread ends."""
    home = Path(tempfile.mkdtemp(prefix="daybook-kafka-"))
    broker = Broker(
        home,
        port=ports.free_port(),
        controller_port=ports.free_port(),
        artifacts=artifacts,
        die_with_us=True,
    )
    try:
        if started:
            broker.start()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(home)


def make_startup_archive(artifacts: Artifacts) -> None:
    """Runs a broker once through a start and an orderly stop, at whose end Java writes the classes it had loaded."""
    fresh = artifacts.startup_archive.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with temporary_broker(artifacts=artifacts, started=False) as broker:
        broker.java_options = (f"-XX:ArchiveClassesAtExit={fresh}",)
        broker.start()
        broker.stop()
    # Java makes it for its own user alone; the broker may run as another one.
    fresh.chmod(0o644)
    fresh.rename(artifacts.startup_archive)
