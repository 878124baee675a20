"""`scripts/run`: the small install. One command from a clean clone to a running Daybook, without Docker."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from daybook_scripts import kafka_broker, layout, ports, smoke
from daybook_scripts.environment import ensure_environment, environment_name
from daybook_scripts.home import Home, furnish, remove_state, require_writable, state_folder, take_lock
from daybook_scripts.installation import Choices, Installation, running
from daybook_scripts.progress import say, step
from daybook_scripts.trouble import Trouble, exit_plainly


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Starts Daybook on this machine: PostgreSQL, a Redis-compatible server, web with sockets, the "
        "event stream, the worker and analytics. Data live in .local/ and survive. Ctrl-C stops everything.",
        epilog="DATABASE_URL (the owner's), REDIS_URL and, with --kafka, KAFKA_BOOTSTRAP are used instead of its own "
        "servers when set. PUBLIC_URL and BIND say how it is reached from outside; DAYBOOK_STATE names another folder "
        "than .local/.",
    )
    parser.add_argument("--port", type=port_number, default=8000, metavar="N", help="of the web (8000)")
    parser.add_argument(
        "--analytics-port", type=port_number, default=5000, metavar="N", help="of analytics (5000)"
    )
    parser.add_argument("--flower-port", type=port_number, default=5555, metavar="N", help="of Flower (5555)")
    parser.add_argument(
        "--no-demo", action="store_true", help="no demo data; prints the one-time set-up link"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="deletes what an earlier start left, and starts anew"
    )
    parser.add_argument(
        "--flower", action="store_true", help="starts Flower too, the operators' view of the jobs"
    )
    parser.add_argument(
        "--kafka",
        action="store_true",
        help="the event stream over a Kafka broker (needs Java 17, and Maven once)",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="starts in a temporary folder, tries it all, stops"
    )
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: give a number from 1 to 65535")
    return int(text)


def main(arguments: list[str]) -> int:
    asked = parse(arguments)
    if asked.kafka:
        require_kafka()
    if asked.smoke:
        return smoke.run(kafka=asked.kafka)
    choices = Choices(
        asked.port, asked.analytics_port, asked.flower_port, not asked.no_demo, asked.flower, asked.kafka
    )
    return run(choices, state_folder(), asked.fresh)


def require_kafka() -> None:
    """Before anything is made, as with ports."""
    if not os.environ.get("KAFKA_BOOTSTRAP"):
        kafka_broker.require_java()


def run(choices: Choices, state: Path, fresh: bool) -> int:
    require_writable(state)
    lock = take_lock(state)
    require_free_ports(choices)
    if fresh:
        start_anew(state)
    say(f"Daybook starts (state in {state})")
    home = prepare_home(state, state)
    with lock, running(Installation(home, choices)) as installation:
        installation.start_servers()
        installation.prepare()
        installation.start_programs()
        lock.write(f", {choices.public_url}")
        lock.flush()
        welcome(installation)
        installation.supervisor.watch()
        say("\nStopping.")
    return 0


def require_free_ports(choices: Choices) -> None:
    """Before anything is made: a taken port is the commonest trouble."""
    ports.require_free(choices.bind, choices.port, "the web", "--port")
    ports.require_free("127.0.0.1", choices.analytics_port, "analytics", "--analytics-port")
    if choices.flower:
        ports.require_free("127.0.0.1", choices.flower_port, "Flower", "--flower-port")


def start_anew(state: Path) -> None:
    if os.environ.get("DATABASE_URL"):
        raise Trouble(
            "fresh_not_ours",
            "--fresh deletes the data, and DATABASE_URL names a database that is not this command's to empty.",
            "empty that database yourself and start without --fresh.",
            status=2,
        )
    with step("delete what was there"):
        remove_state(state)


def prepare_home(state: Path, environments: Path) -> Home:
    fresh = not (environments / environment_name(layout.SMALL_INSTALL)).exists()
    if fresh:
        say("  The first start installs about 90 packages; it takes half a minute or so.")
    with step("environment"):
        environment = ensure_environment(environments, layout.SMALL_INSTALL)
    return furnish(state, environment)


def welcome(installation: Installation) -> None:
    wiring, state = installation.need_wiring(), installation.home.state
    lines = [("Daybook", wiring.public_url), ("API", f"{wiring.public_url}/api/docs/")]
    lines.append(("Analytics API", f"{wiring.analytics_url}/api/v1/analytics/healthz"))
    if installation.choices.flower:
        lines.append(
            ("Flower", f"http://127.0.0.1:{wiring.flower_port} (operator / {wiring.flower_password})")
        )
    if wiring.kafka_bootstrap:
        lines.append(("Kafka", wiring.kafka_bootstrap))
    lines += [("Mail", f"files in {wiring.outbox}"), ("Logs", str(installation.home.logs))]
    say("\nDaybook runs.")
    for name, value in lines:
        say(f"  {name:<14} {value}")
    sign_in = state / "demo-sign-in"
    if wiring.demo and sign_in.exists():
        say(sign_in.read_text().rstrip())
    else:
        say(set_up_link(installation))
    say("Ctrl-C stops it. The data stay.")


def set_up_link(installation: Installation) -> str:
    """The link, or why there is none: the command refuses where somebody runs this install already."""
    link, refusal = installation.ask_django("manage.py", "setup_link")
    if refusal:
        return f"No set-up link: {refusal}"
    return f"The first person signs up here (once, and this replaces an earlier link):\n  {link}"


if __name__ == "__main__":
    sys.exit(exit_plainly(main))
