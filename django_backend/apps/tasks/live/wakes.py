"""Wake-ups over Redis: the relay says that the log has grown. Only hints; the tailer polls besides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from django.conf import settings
from redis import asyncio as aioredis
from redis.exceptions import RedisError

SEQ_CHANNEL = "daybook:seq"
RETRY_AFTER = 1.0

log = structlog.get_logger(__name__)


async def listen(wake: Callable[[], None]) -> None:
    """Call `wake` at each message, for ever; a Redis that is away is asked again every second."""
    told = False
    while True:
        try:
            # redis-py 8 gives sockets a default timeout of 5 s, which would cut an idle subscription.
            async with (
                aioredis.Redis.from_url(
                    settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2, socket_keepalive=True
                ) as client,
                client.pubsub(ignore_subscribe_messages=True) as pubsub,
            ):
                await pubsub.subscribe(SEQ_CHANNEL)
                told = False
                wake()  # what was said while nobody listened
                async for _ in pubsub.listen():
                    wake()
        except (RedisError, OSError) as problem:
            if not told:
                log.warning("live_wakes_not_heard", problem=str(problem), polling="every second")
            told = True
        await asyncio.sleep(RETRY_AFTER)
