"""Where the sockets' database work runs: services and the ORM are synchronous, the event loop must not wait.

Two bounded pools, so that commands that wait for a lock never hold up the feed. Each call gives its connection back
(to Django's pool) when it ends: a thread that kept one would keep it for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

_READERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-read")
_WORKERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-command")


async def read(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a short read."""
    return await _run(_READERS, function, args, kwargs)


async def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a command."""
    return await _run(_WORKERS, function, args, kwargs)


async def _run(
    pool: ThreadPoolExecutor, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:
    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(pool, call)
