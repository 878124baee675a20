"""`scripts/broker install|start|stop|kill|wipe|status|lock`; or `python -m broker` with kafka/ on PYTHONPATH."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from broker.artifacts import kafka_version, lock, state_folder
from broker.broker import Broker, usual_home
from broker.trouble import BrokerTrouble

EXIT_NOT_READY = 1
EXIT_NOT_RUNNING = 3


def install(broker: Broker) -> int:
    from broker.temporary import make_startup_archive

    if broker.artifacts.install():
        say(f"Kafka {kafka_version()}'s jars are in {broker.artifacts.lib}")
    if not broker.artifacts.startup_archive.exists():
        make_startup_archive(broker.artifacts)
    say(f"Kafka {kafka_version()} is installed")
    return 0


def start(broker: Broker) -> int:
    broker.artifacts.install()
    broker.start()
    return status(broker)


def stop(broker: Broker) -> int:
    broker.stop()
    say("stopped")
    return 0


def kill(broker: Broker) -> int:
    broker.kill()
    say("killed")
    return 0


def wipe(broker: Broker) -> int:
    broker.wipe()
    say(f"{broker.place.data} is removed")
    return 0


def status(broker: Broker) -> int:
    """0 ready, 1 running but not ready, 3 not running."""
    if broker.pid is None:
        say(f"not running ({broker.place.home})")
        return EXIT_NOT_RUNNING
    ready = broker.is_ready()
    say(
        f"{'ready' if ready else 'not ready'} at {broker.address}: Kafka {kafka_version()}, "
        f"cluster {broker.cluster_id}, process {broker.pid}, log {broker.place.log}"
    )
    return 0 if ready else EXIT_NOT_READY


def lock_jars(_broker: Broker) -> int:
    with tempfile.TemporaryDirectory(dir=state_folder()) as scratch:
        count = lock(Path(scratch) / "lib")
    say(f"{count} jars are in jars.sha256")
    return 0


COMMANDS = {
    "install": (install, "fetch Kafka's jars with Maven (once)"),
    "start": (start, "start it, install it first where needed, and wait until it is ready"),
    "stop": (stop, "stop it in order"),
    "kill": (kill, "SIGKILL it"),
    "wipe": (wipe, "remove its data, while it is stopped"),
    "status": (status, "say whether it runs; exit code 0 ready, 1 not ready, 3 not running"),
    "lock": (lock_jars, "write jars.sha256 anew, after a change in pom.xml"),
}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/broker", description="A real Apache Kafka without Docker.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, meaning) in COMMANDS.items():
        command = commands.add_parser(name, help=meaning)
        command.add_argument(
            "--home", type=Path, default=usual_home(), metavar="DIR", help="its folder (%(default)s)"
        )
        command.add_argument(
            "--port", type=int, metavar="N", help="for clients (that of the last start, or 9092)"
        )
        command.add_argument(
            "--controller-port", type=int, metavar="N", help="for itself (the one after --port)"
        )
    return parser.parse_args(arguments)


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


def main(arguments: list[str]) -> int:
    asked = parse(arguments)
    command, _ = COMMANDS[asked.command]
    try:
        return command(Broker(asked.home, port=asked.port, controller_port=asked.controller_port))
    except BrokerTrouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
