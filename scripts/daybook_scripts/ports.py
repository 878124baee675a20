"""TCP ports on loopback: free ones, and a sentence for one that is taken."""

from __future__ import annotations

import socket

from daybook_scripts.trouble import Trouble


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the programs do; without it a port just left by an earlier start would look taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """One the system gives out now. Somebody else may take it before it is used: start failures say so."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def preferred(port: int) -> int:
    """For ports nobody types: the usual one, or any free one."""
    return port if is_free("127.0.0.1", port) else free_port()


def require_free(host: str, port: int, what: str, option: str) -> None:
    if not is_free(host, port):
        raise Trouble(
            "port_taken",
            f"Port {port} on {host} is taken, and {what} is to answer there.",
            f"stop the program that has it (ss -ltnp shows which), or give another: {option} {port + 1}.",
        )
