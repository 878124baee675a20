"""Celery's door: thin, ids in, one service call, safe to run twice. A lost message loses nothing."""

from __future__ import annotations

from celery import shared_task

from apps.common.mail.sending import SEND_LIMIT
from apps.tasks.services import deliveries


@shared_task
def sweep_deliveries() -> None:
    """Every few seconds: make rows of new notifications, and hint at every row that is due."""
    deliveries.make_deliveries()
    for delivery_id in deliveries.due_delivery_ids():
        send_delivery.delay(delivery_id)


@shared_task(time_limit=SEND_LIMIT.total_seconds())
def send_delivery(delivery_id: int) -> None:
    deliveries.send_delivery(delivery_id=delivery_id)
