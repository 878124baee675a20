"""Answers kept in Redis. A hint, never a truth: with Redis away every answer is computed, hardly later."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import date

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from analytics.queries.position import FactPosition
from analytics.scope import Scope

log = structlog.get_logger(__name__)

PREFIX = "analytics:"
# Bounds what the key can't know: tasks become overdue without any event.
KEPT_S = 30
# A request waits this long for Redis in all, whatever hangs: a connection, an answer, the resolving of its name.
WAIT_S = 0.08
SOCKET_TIMEOUT_S = 0.07
# After trouble nobody asks Redis for a while.
PAUSE_S = 5.0


def answer_key(question: str, scope: Scope, position: FactPosition, day: date) -> str:
    """One key per question, what its asker may see, and how far the facts reach; readers who differ never share."""
    told_apart = [
        question,
        scope.everything,
        scope.projects,
        scope.personal_of,
        position.total,
        position.latest,
        position.era,
        day.isoformat(),
    ]
    return PREFIX + hashlib.sha256(json.dumps(told_apart).encode()).hexdigest()


class AnswerCache:
    """get and put never raise for Redis being away, and never take longer than WAIT_S."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        # Socket timeouts don't cover name resolution, so Redis is talked to on threads a request can leave behind.
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="answer-cache")
        self._paused_until = 0.0

    def get(self, key: str) -> str | None:
        """The answer kept under `key`, or None; also None, within WAIT_S, when Redis doesn't answer."""
        if self._is_paused():
            return None
        waiting = self._threads.submit(self._redis.get, key)
        try:
            kept = waiting.result(WAIT_S)
        except (redis.RedisError, OSError, TookTooLong) as problem:
            waiting.cancel()
            self._pause(problem)
            return None
        return kept.decode() if isinstance(kept, bytes) else None

    def put(self, key: str, answer: str) -> None:
        """Keep an answer for a while; nobody waits for it."""
        if not self._is_paused():
            self._threads.submit(self._put, key, answer)

    def _put(self, key: str, answer: str) -> None:
        try:
            self._redis.set(key, answer, ex=KEPT_S)
        except (redis.RedisError, OSError) as problem:
            self._pause(problem)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._redis.close()

    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _pause(self, problem: BaseException) -> None:
        self._paused_until = time.monotonic() + PAUSE_S
        log.warning("cache_away", kind=type(problem).__name__, pause_s=PAUSE_S)
