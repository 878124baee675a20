"""Wakes over Redis: hints that spare the 200 ms of a poll. Nothing depends on one arriving."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import redis
import structlog

PENDING_CHANNEL = "daybook:pending"
SEQ_CHANNEL = "daybook:seq"

RETRY_SECONDS = 2.0
LISTEN_SECONDS = 1.0

log = structlog.get_logger()


class Bell:
    """Wakes one waiting thread; a ring while nobody waits is kept for the next wait."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Return when rung, after `seconds` at the latest."""
        self._rung.wait(seconds)
        self._rung.clear()


class WakeListener(threading.Thread):
    """Rings every bell of a channel's list when a message comes, until `stop` is set."""

    def __init__(
        self, redis_url: str, bells: dict[str, Sequence[Bell]], stop: threading.Event, name: str = "wakes"
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._url = redis_url
        self._bells = bells
        self._stop_event = stop

    def run(self) -> None:
        away = False
        while not self._stop_event.is_set():
            try:
                self._listen()
                away = False
            except (redis.RedisError, OSError) as problem:
                if not away:
                    log.warning("redis away, polling alone", code="wakes_away", error=type(problem).__name__)
                away = True
                self._stop_event.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        client = redis.Redis.from_url(
            self._url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=10
        )
        with client, client.pubsub(ignore_subscribe_messages=True) as channels:
            channels.subscribe(*self._bells)
            while not self._stop_event.is_set():
                message = channels.get_message(timeout=LISTEN_SECONDS)
                if message is not None:
                    for bell in self._bells.get(message["channel"].decode(), ()):
                        bell.ring()


class WakeSender:
    """Publishes the newest `seq`. A Redis that is away costs one warning and a short wait, now and then."""

    def __init__(self, redis_url: str) -> None:
        self._client = redis.Redis.from_url(redis_url, socket_timeout=0.1, socket_connect_timeout=0.1)
        self._away = False

    def send(self, seq: int) -> None:
        """Tell everyone who listens that the log has grown to `seq`."""
        try:
            self._client.publish(SEQ_CHANNEL, str(seq))
            self._away = False
        except redis.RedisError as problem:
            if not self._away:
                log.warning("nobody woken, they will poll", code="wakes_away", error=type(problem).__name__)
            self._away = True

    def close(self) -> None:
        self._client.close()
