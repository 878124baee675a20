"""`python -m relay`: sequences until SIGTERM. A second one beside it is harmless."""

from __future__ import annotations

import threading

import structlog

from relay.program import build_sequencer
from stream.config import configured_or_exit, read_relay_config
from stream.logs import configure_logs
from stream.stopping import stop_on_signals
from stream.wakes import PENDING_CHANNEL, Bell, WakeListener


def main() -> None:
    config = configured_or_exit(read_relay_config)
    configure_logs(config.log_level, "relay")
    stop = threading.Event()
    stop_on_signals(stop)
    bell = Bell()
    WakeListener(config.redis_url, {PENDING_CHANNEL: [bell]}, stop).start()
    log = structlog.get_logger()
    log.info("relay started")
    build_sequencer(config, bell, stop).run()
    log.info("relay stopped")


main()
