"""The command: makes the environment and servers, runs the benches that were named, prints a line per case."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from daybook_scripts import debian, layout
from daybook_scripts.environment import clean_of_python, ensure_environment
from daybook_scripts.home import require_writable
from daybook_scripts.progress import say, step
from daybook_scripts.temporary_servers import TemporaryServers
from daybook_scripts.trouble import exit_plainly

STATE = layout.ROOT / ".local"
BENCHES = {"stream": "relay and consumers on both logs, events a second"}


def parse(arguments: list[str]) -> argparse.Namespace:
    listed = "; ".join(f"{name}: {what}" for name, what in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures Daybook beside its floors.", epilog=listed
    )
    parser.add_argument("names", nargs="+", choices=BENCHES, metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    parser.add_argument("--events", type=int, default=20_000, metavar="N", help="of the stream bench (20000)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    asked = parse(arguments)
    require_writable(STATE)
    with step("environment"):
        environment = ensure_environment(STATE, layout.EVERYTHING)
    folder = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    folder.chmod(0o711)  # ours, so we may: the servers' user has to pass through
    servers = TemporaryServers(folder, environment)
    try:
        with step("PostgreSQL"):
            server_url = servers.start_postgres(debian.find_postgres_15() or servers.binaries.postgres)
        for name in asked.names:
            status = run_bench(name, asked, environment, server_url)
            if status:
                return status
    finally:
        servers.supervisor.stop_all()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def run_bench(name: str, asked: argparse.Namespace, environment: Path, server_url: str) -> int:
    """In the environment that has the programs' libraries."""
    folders = (layout.SCRIPTS, layout.KAFKA)
    env = clean_of_python(dict(os.environ)) | {
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": os.pathsep.join(str(each) for each in folders),
        "BENCH_DATABASE_URL": server_url,
    }
    command = [str(environment / "bin" / "python"), "-m", f"daybook_scripts.bench.{name}", str(asked.events)]
    if asked.json:
        command.append("--json")
    say(f"\n{name}: {BENCHES[name]}")
    return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(exit_plainly(main))
