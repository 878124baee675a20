"""Puts the relay together, for its own process and for `consumers all --relay`."""

from __future__ import annotations

import os
import secrets
import socket
import threading

from relay.sequencer import Sequencer
from relay.session import Session
from stream.config import RelayConfig
from stream.connections import connect
from stream.parts import Parts
from stream.wakes import PENDING_CHANNEL, SEQ_CHANNEL, Bell, WakeSender


class Relay:
    """The sequencer, and the publisher where Kafka is the log. They connect on their own, and again, once they run."""

    def __init__(self, config: RelayConfig, stop: threading.Event) -> None:
        self._config = config
        self._stop = stop
        self.bells: dict[str, list[Bell]] = {PENDING_CHANNEL: [Bell()]}
        if config.event_log == "kafka":
            self.bells[SEQ_CHANNEL] = [Bell()]

    def add_to(self, parts: Parts) -> None:
        config = self._config
        wakes = WakeSender(config.redis_url)
        sequencer = Sequencer(self._session(), self.bells[PENDING_CHANNEL][0], wakes, self._stop)
        parts.add("relay", sequencer.run)
        if config.event_log == "kafka":
            self._add_publisher(parts)

    def _add_publisher(self, parts: Parts) -> None:
        from relay.publisher import Publisher  # loads Kafka's client, which the PostgreSQL log does without

        bell, bootstrap = self.bells[SEQ_CHANNEL][0], self._config.kafka_bootstrap
        parts.add("publisher", Publisher(self._session(), bootstrap, bell, self._stop, publisher_name()).run)

    def _session(self) -> Session:
        return Session(lambda: connect(self._config.database_url, program="daybook relay"))


def publisher_name() -> str:
    """Unique for every start, so that a restarted relay is never taken for the one before it."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
