"""TCP ports on loopback."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from broker.trouble import BrokerTrouble

HOST = "127.0.0.1"
LOWEST = 20_000
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_EPHEMERAL_START = 32_768
TRIES = 200


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Java does; without it a port just left would look taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int, what: str, option: str) -> None:
    """Raises BrokerTrouble `port_taken`."""
    if not is_free(port):
        raise BrokerTrouble(
            "port_taken",
            f"Port {port} on {HOST} is taken, and {what} is to answer there.",
            f"stop the program that has it (ss -ltnp shows which), or give another: {option}.",
        )


def free_port() -> int:
    """A free port below those the kernel lends to outgoing connections.

    A client that keeps trying a dead broker's port in that range sooner or later gets the same port as its own end,
    connects to itself, and so takes the port from the broker that wants to come back.
    """
    end = _ephemeral_start()
    for _ in range(TRIES):
        port = random.randrange(min(LOWEST, end - 1000), end)
        if is_free(port):
            return port
    raise BrokerTrouble("no_free_port", f"No free port was found below {end}.", "give one: --port N.")


def _ephemeral_start() -> int:
    try:
        return int(EPHEMERAL_RANGE.read_text().split()[0])
    except FileNotFoundError:
        return USUAL_EPHEMERAL_START
