"""`scripts/run --smoke`: a whole Daybook in a temporary folder, tried from end to end, and gone again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from daybook_scripts import layout, ports
from daybook_scripts.environment import clean_of_python, environment_name
from daybook_scripts.home import Home, elsewhere, require_writable, state_folder
from daybook_scripts.installation import Choices, Installation, running
from daybook_scripts.progress import milliseconds, say
from daybook_scripts.trouble import Trouble

WALK_SECONDS = 180


def run(*, kafka: bool = False) -> int:
    from daybook_scripts.run import prepare_home

    # Servers one is given would keep what the walk leaves behind.
    for name in ("DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP", "PUBLIC_URL", "BIND", "EMAIL_URL"):
        os.environ.pop(name, None)
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="daybook-smoke-"))
    # Ours, so we may: the servers' user has to pass through.
    folder.chmod(0o711)
    say(f"Daybook is tried in {folder}")
    try:
        walk(prepare_home(folder, environments(folder)), kafka)
    except Trouble as trouble:
        say(f"\n{trouble}")
        say(f"smoke FAILED after {milliseconds(started)} ms")
        return 1
    finally:
        shutil.rmtree(folder)
        if os.geteuid() == 0:
            shutil.rmtree(elsewhere(folder), ignore_errors=True)
    say(f"smoke passed in {milliseconds(started)} ms")
    return 0


def environments(folder: Path) -> Path:
    """The project's own where it can be written (then it is made once); else it goes with the temporary folder."""
    usual = state_folder()
    if (usual / environment_name(layout.SMALL_INSTALL)).exists():
        return usual
    try:
        require_writable(usual)
    except Trouble:
        say(f"  {usual} can't be written: the Python environment goes into the temporary folder too.")
        return folder
    return usual


def walk(home: Home, kafka: bool) -> None:
    own = (ports.free_port(), ports.free_port(), ports.free_port())
    choices = Choices(*own, demo=True, flower=False, kafka=kafka)
    with running(Installation(home, choices)) as installation:
        installation.start_servers()
        installation.prepare()
        installation.start_programs()
        follow_the_walk(installation)


def follow_the_walk(installation: Installation) -> None:
    """In the environment, since the walk speaks WebSocket; meanwhile a dead child is seen as ever."""
    wiring = installation.need_wiring()
    command = [str(installation.home.python), "-m", "daybook_scripts.walk"]
    command += ["--web", wiring.web_url, "--analytics", wiring.analytics_url, "--outbox", str(wiring.outbox)]
    env = clean_of_python(dict(os.environ)) | {"PYTHONPATH": str(layout.SCRIPTS)}
    process = subprocess.Popen(command, env=env)
    deadline = time.monotonic() + WALK_SECONDS
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if installation.supervisor.stop_asked:
                raise KeyboardInterrupt
            installation.supervisor.tend()
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    show_deaths(installation)
    if process.returncode:
        raise Trouble("walk_failed", "The walk did not come to its end.", show_logs(installation))


def show_deaths(installation: Installation) -> None:
    for child in installation.supervisor.children.values():
        if child.deaths:
            raise installation.supervisor.trouble(
                child, f"{child.program.name} died: {', '.join(child.deaths)}."
            )


def show_logs(installation: Installation) -> str:
    """The folder is deleted in a moment: what the programs said last has to be shown now."""
    parts = ["read what the programs said last:"]
    for child in installation.supervisor.children.values():
        parts.append(f"--- {child.program.name}")
        parts += [f"    | {line}" for line in child.last_lines()]
    return "\n".join(parts)
