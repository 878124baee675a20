"""`scripts/test`: every check and every test, on a fresh machine in one command; what CI runs."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from broker.artifacts import Artifacts
from daybook_scripts import debian, layout
from daybook_scripts.checks import CHECKS, command_of
from daybook_scripts.environment import clean_of_python, ensure_environment
from daybook_scripts.home import require_writable
from daybook_scripts.progress import milliseconds, say, step
from daybook_scripts.supervisor import Supervisor
from daybook_scripts.temporary_servers import TemporaryServers
from daybook_scripts.trouble import Trouble, exit_plainly

STATE = layout.ROOT / ".local"
ALONE = "serial or browser or kill"
NOTHING_COLLECTED = 5
# Settings of a Daybook that somebody runs here must not reach the tests.
NOT_OURS = (
    "DATABASE_URL",
    "PUBLIC_URL",
    "SECRET_KEY",
    "JWT_KEYS_DIR",
    "DATA_DIR",
    "REDIS_URL",
    "EVENT_LOG",
    "KAFKA_BOOTSTRAP",
)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


@dataclass
class Findings:
    """What the whole run found. `missing` parts fail a run under CI and are a warning elsewhere."""

    counts: Counter[str] = field(default_factory=Counter)
    failed_checks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return self.counts["failed"] + self.counts["error"] + self.counts["xpassed"] + len(self.failed_checks)

    @property
    def passed(self) -> int:
        return self.counts["passed"] + self.counts["xfailed"]

    def verdict(self, *, in_ci: bool) -> int:
        """Prints what was wrong, and the total as the last line; answers the exit code."""
        skipped = self.counts["skipped"]
        reasons = [f"failed: {name}" for name in self.failed_checks]
        reasons += [f"could not run: {what}" for what in self.missing]
        if skipped:
            reasons.append(f"{skipped} skipped")
        if not self.passed and not self.counts["failed"]:
            reasons.append("no test ran")
        for reason in reasons:
            say(f"! {reason}")
        say(f"{self.passed} passed, {self.failed} failed" + (f", {skipped} skipped" if skipped else ""))
        bad = self.failed > 0 or "no test ran" in reasons
        return int(bad or (in_ci and bool(skipped or self.missing)))


@dataclass
class Bench:
    """The environment, the servers and where the run keeps its things."""

    environment: Path
    folder: Path
    supervisor: Supervisor
    findings: Findings
    postgres_15: str | None = None
    postgres_18: str | None = None
    redis: str = ""
    chromium: Path | None = None
    kafka: bool = False

    def env(self, database: str | None = None) -> dict[str, str]:
        """For pytest and the checks. `database` is the superuser's address of the server to test on."""
        kept = {
            name: value for name, value in clean_of_python(dict(os.environ)).items() if name not in NOT_OURS
        }
        env = kept | {
            "PATH": f"{self.environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(
                str(path) for path in (layout.DJANGO, layout.KAFKA, layout.ANALYTICS, layout.SCRIPTS)
            ),
            "TEST_DATABASE_URL": database or self.postgres_15 or self.postgres_18 or "",
            "REDIS_URL": self.redis,
        }
        if self.postgres_18:
            env["TEST_DATABASE_URL_18"] = self.postgres_18
        if self.chromium:
            env["CHROMIUM"] = str(self.chromium)
        return env

    def run(self, command: list[str], cwd: Path, env: dict[str, str]) -> int:
        """A child that ends when we are asked to stop."""
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL)
        while process.poll() is None:
            if self.supervisor.stop_asked:
                process.send_signal(signal.SIGINT)
                process.wait()
                raise KeyboardInterrupt
            time.sleep(0.1)
        return process.returncode


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description="Runs all checks and tests. Installs what is missing: a Python environment in .local/, and as root "
        "PostgreSQL 15 and Chromium from Debian.",
        epilog="All else is handed to pytest: scripts/test django_backend/apps/users -k login. With such arguments the "
        "checks (imports, style, types, migrations) are left out.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--full", action="store_true", help="the long proofs too; stopped, it goes on where it was"
    )
    return parser.parse_known_args(arguments)


def main(arguments: list[str]) -> int:
    asked, pytest_arguments = parse(arguments)
    started = time.monotonic()
    require_writable(STATE)
    with step("environment"):
        environment = ensure_environment(STATE, layout.EVERYTHING)
    folder = Path(tempfile.mkdtemp(prefix="daybook-test-"))
    # Ours, so we may: the servers' user has to pass through.
    folder.chmod(0o711)
    servers = TemporaryServers(folder, environment)
    servers.supervisor.listen_to_signals()
    bench = Bench(environment, folder, servers.supervisor, Findings())
    try:
        gather(bench, servers)
        run_everything(bench, pytest_arguments, full=asked.full)
    finally:
        servers.supervisor.stop_all()
        shutil.rmtree(folder)
    say(f"\nin {milliseconds(started) / 1000:.0f} s")
    return bench.findings.verdict(in_ci=in_ci())


# --- what the tests need


def gather(bench: Bench, servers: TemporaryServers) -> None:
    postgres_15 = debian.find_postgres_15()
    if postgres_15 is None and debian.install("postgresql-15", "the oldest PostgreSQL that Daybook supports"):
        postgres_15 = debian.find_postgres_15()
    if postgres_15 is None:
        bench.findings.missing.append("PostgreSQL 15 (its tests run on the wheel's instead)")
    else:
        with step("PostgreSQL 15"):
            bench.postgres_15 = servers.start_postgres(postgres_15)
    with step("PostgreSQL 18"):
        bench.postgres_18 = servers.start_postgres(servers.binaries.postgres)
    with step("Redis-compatible server"):
        bench.redis = servers.start_redis()
    bench.chromium = gather_chromium(bench)
    if bench.chromium is None:
        bench.findings.missing.append("Chromium with its driver (tests marked browser)")
    bench.kafka = gather_kafka(bench)
    if not bench.kafka:
        bench.findings.missing.append("Kafka (tests marked kafka)")


def gather_kafka(bench: Bench) -> bool:
    """Java, and Kafka's jars, which Maven fetches once. Whether a real broker can be started; says what is missing."""
    for program, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        needed = program == "java" or not Artifacts.usual().are_here()
        if needed and shutil.which(program) is None:
            debian.install(package, "the tests of Kafka run a real broker")
    with step("Kafka's jars"):
        command = [str(bench.environment / "bin" / "python"), "-m", "broker", "install"]
        done = subprocess.run(
            command, env=bench.env(), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    if done.returncode:
        say(f"  {done.stderr.strip() or done.stdout.strip()}")
    return done.returncode == 0


def gather_chromium(bench: Bench) -> Path | None:
    """The browser, and a driver that starts: it is a program of its own, and a bare Debian lacks one library."""
    driver = bench.environment.glob("lib/python3.*/site-packages/playwright/driver/node")
    starts = all(subprocess.run([node, "--version"], capture_output=True).returncode == 0 for node in driver)
    if not starts and not debian.install("libatomic1", "the browser's driver needs it"):
        return None
    found = debian.find_chromium()
    if found is None and debian.install("chromium", "the tests of pages drive it"):
        found = debian.find_chromium()
    return found


# --- what is run


def run_everything(bench: Bench, arguments: list[str], *, full: bool) -> None:
    if not arguments:
        run_checks(bench)
    if chooses_itself(arguments):
        run_pytest(bench, "tests", arguments)
        return
    workers = ["-n", str(os.cpu_count() or 2)]
    short = (
        "not full"
        + ("" if bench.chromium else " and not browser")
        + ("" if bench.kafka else " and not kafka")
    )
    # On 18 it is the database that differs; Kafka would only be tried twice.
    on_18_too = f"{short} and pg18 and not kafka"
    run_pytest(bench, "tests", [*workers, "-m", f"{short} and not ({ALONE})", *arguments])
    run_pytest(bench, "tests that run alone", ["-m", f"{short} and ({ALONE})", *arguments])
    if bench.postgres_15:
        on_18 = bench.postgres_18
        run_pytest(
            bench,
            "on PostgreSQL 18",
            [*workers, "-m", f"{on_18_too} and not ({ALONE})", *arguments],
            on_18,
        )
        run_pytest(bench, "on 18, alone", ["-m", f"{on_18_too} and ({ALONE})", *arguments], on_18)
    if full:
        run_pytest(bench, "long proofs", ["-m", "full", *arguments], passed=full_state())


def chooses_itself(arguments: list[str]) -> bool:
    """With its own marks or workers, or a question only, pytest is run once with just these arguments."""
    own = ("-m", "-n", "--markers", "--fixtures", "--collect-only", "--co", "--version", "--help", "-h")
    return any(argument in own for argument in arguments)


def run_checks(bench: Bench) -> None:
    env = bench.env() | django_settings(bench)
    for check in CHECKS:
        say(f"\n=== {check.name}")
        started = time.monotonic()
        if bench.run(command_of(check, bench.environment), check.cwd, env):
            bench.findings.failed_checks.append(check.name)
        say(f"  ({milliseconds(started)} ms)")


def django_settings(bench: Bench) -> dict[str, str]:
    """mypy's plugin and makemigrations load the settings, which accept nothing half-made."""
    keys = bench.folder / "keys"
    command = [
        str(bench.environment / "bin" / "python"),
        "-m",
        "apps.common.auth.keys",
        "generate",
        str(keys),
    ]
    done = subprocess.run(command, cwd=layout.DJANGO, env=bench.env(), capture_output=True, text=True)
    if done.returncode:
        raise Trouble("keys_failed", f"No keys could be made: {done.stderr.strip()}", "see what it says.")
    address = bench.env()["TEST_DATABASE_URL"]
    return {
        "DJANGO_SETTINGS_MODULE": "config.test_settings",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "SECRET_KEY": secrets.token_hex(32),
        "JWT_KEYS_DIR": str(keys),
        "DATA_DIR": str(bench.folder / "data"),
        "DATABASE_URL": address,
        "WEB_DATABASE_URL": address,
    }


def run_pytest(
    bench: Bench, title: str, arguments: list[str], database: str | None = None, passed: Path | None = None
) -> None:
    say(f"\n=== {title}: pytest {' '.join(arguments)}")
    outcomes = bench.folder / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    env = bench.env(database) | {"OUTCOMES_TO": str(outcomes)}
    if passed:
        env["PASSED_TO"] = str(passed)
    command = [
        str(bench.environment / "bin" / "python"),
        "-m",
        "pytest",
        "-p",
        "daybook_scripts.outcomes",
        *arguments,
    ]
    code = bench.run(command, layout.ROOT, env)
    counts = Counter(json.loads(outcomes.read_text())) if outcomes.exists() else Counter()
    bench.findings.counts.update(counts)
    # Such as a broken conftest: nothing is counted then, and nothing may look well.
    if code not in (0, 1, NOTHING_COLLECTED) or (code == 1 and not counts["failed"] + counts["error"]):
        bench.findings.failed_checks.append(f"pytest ({title}) ended with code {code}")


# --- going on where --full stopped


def full_state() -> Path:
    """What passed for exactly these sources; another change starts anew."""
    folder = STATE / "full"
    folder.mkdir(exist_ok=True)
    state = folder / f"passed-{sources_fingerprint()}.txt"
    if state.exists():
        say(
            f"\nGoing on: {len(state.read_text().splitlines())} long proofs passed before ({state} says which)."
        )
    return state


def sources_fingerprint() -> str:
    """Of contents, not of a commit: a change that is not committed counts, and git may not be there."""
    parts: list[str | bytes] = []
    for top in (layout.DJANGO, layout.KAFKA, layout.ANALYTICS, layout.SCRIPTS):
        for path in sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                parts += [str(path.relative_to(layout.ROOT)), path.read_bytes()]
    return layout.fingerprint(*parts)


if __name__ == "__main__":
    sys.exit(exit_plainly(main))
