"""Puts the relay together, for its own process and for `consumers all --relay`."""

from __future__ import annotations

import threading

from relay.sequencer import Sequencer
from relay.session import Session
from stream.config import RelayConfig
from stream.connections import connect
from stream.wakes import Bell, WakeSender


def build_sequencer(config: RelayConfig, bell: Bell, stop: threading.Event) -> Sequencer:
    """Not started yet; connects on its own, and again, once it runs."""
    session = Session(lambda: connect(config.database_url, program="daybook relay"))
    return Sequencer(session, bell, WakeSender(config.redis_url), stop)
