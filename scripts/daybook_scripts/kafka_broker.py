"""The Kafka broker of a small install with --kafka: kafka/broker's, supervised like the other servers."""

from __future__ import annotations

from pathlib import Path

from broker import ports as broker_ports
from broker.artifacts import Artifacts
from broker.broker import Broker
from broker.java import find_java
from broker.trouble import BrokerTrouble
from daybook_scripts import ports
from daybook_scripts.accounts import Account, can_enter, hand_over, own_folder
from daybook_scripts.progress import say
from daybook_scripts.supervisor import Program
from daybook_scripts.trouble import Trouble

USUAL_PORT = 19092


def require_java() -> None:
    """Raises Trouble where there is none that Kafka runs on."""
    try:
        find_java()
    except BrokerTrouble as trouble:
        raise Trouble(trouble.code, trouble.wrong, trouble.mend) from trouble


def prepared_broker(folder: Path, account: Account | None, port: int = USUAL_PORT) -> tuple[Broker, Program]:
    """The broker whose data are in `folder`, ready to be started, at `port` if that is free.

    Fetches Kafka's jars where they are not here. Raises Trouble where Java or Maven is missing.
    """
    try:
        artifacts = Artifacts.usual()
        if artifacts.install():
            say("  Kafka's jars are fetched")
        account = account if account and can_enter(account, artifacts.lib) else None
        own_folder(folder, account)
        broker = Broker(folder, port=usual_or_free(port), controller_port=usual_or_free(port + 1))
        broker.prepare()
        command = tuple(broker.command())
    except BrokerTrouble as trouble:
        raise Trouble(trouble.code, trouble.wrong, trouble.mend) from trouble
    hand_over(folder, account)
    program = Program("broker", command, folder, broker.environment(), account, server=True, stop_seconds=60)
    return broker, program


def is_listening(broker: Broker) -> bool:
    return not broker_ports.is_free(broker.port)


def usual_or_free(port: int) -> int:
    """Never one that the kernel lends to outgoing connections: a client could end up connected to itself."""
    return port if ports.is_free("127.0.0.1", port) else broker_ports.free_port()
