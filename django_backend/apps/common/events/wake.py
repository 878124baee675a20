"""Wakes the relay over Redis. Only a hint: the relay polls besides, so a lost wake costs 200 ms and nothing else."""

from __future__ import annotations

import logging
from functools import cache

import redis
from django.conf import settings

PENDING_CHANNEL = "daybook:pending"

logger = logging.getLogger(__name__)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.1, socket_connect_timeout=0.1)


def wake_relay() -> None:
    """Publish a wake-up; with Redis away this logs once per call and returns within 0.1 s."""
    try:
        _client().publish(PENDING_CHANNEL, b"")
    except redis.RedisError as problem:
        logger.warning("relay not woken, it will poll: %s", problem)
