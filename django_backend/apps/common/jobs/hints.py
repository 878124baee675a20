"""A hint to the worker that a row is due. It may be lost: the sweeper finds the row a few seconds later."""

from __future__ import annotations

from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

# No request waits for Redis longer than this.
PATIENCE_S = 0.1

logger = structlog.get_logger(__name__)


def hint_on_commit(job: str, *ids: int) -> None:
    """Once the running transaction has committed, tell the worker to do `job` (its dotted name) with these ids now."""
    transaction.on_commit(partial(_hint, job, ids), robust=True)


def _hint(job: str, ids: tuple[int, ...]) -> None:
    options = {
        **current_app.conf.broker_transport_options,
        "socket_timeout": PATIENCE_S,
        "socket_connect_timeout": PATIENCE_S,
        "max_retries": 0,
    }
    try:
        with current_app.connection_for_write().clone(transport_options=options) as connection:
            current_app.send_task(job, args=ids, connection=connection, retry=False)
    except (OperationalError, OSError) as problem:
        logger.warning("worker not hinted, the sweeper will find it", job=job, problem=type(problem).__name__)
