"""Deliveries: from a notification (a consumer's row) to a mail, by way of a row that says it is due.

`make_deliveries` turns new notifications into rows, `due_delivery_ids` finds what is due, `send_delivery` claims one
and sends it. Each may run twice, in two workers at once, or be killed anywhere: a mail is repeated only if the kill
fell between the mail server's answer and our commit, and then with the same Message-ID.
"""

from __future__ import annotations

import smtplib
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.utils import timezone

from apps.common.errors import NotFound
from apps.tasks.models import Delivery, Task
from apps.tasks.selectors import get_task, people_by_id
from apps.users.models import User
from tms_events.topics import partitions_by_topic

TOPIC = "task-events"
BATCH = 500
# A sending that takes longer is ended by Celery, so that when a claim runs out nobody is at it any more; and as a claim
# is what a worker leaves behind when it is killed, it is also how late a mail may come for it.
SEND_LIMIT = timedelta(seconds=25)
CLAIM = SEND_LIMIT + timedelta(seconds=5)
MAX_ATTEMPTS = 8

logger = structlog.get_logger(__name__)

# One statement: the position is locked and moved, and the rows are made, together. Rows of a partition appear in the
# order of seq (its consumer is the only writer), so a position by seq can't pass over one.
MAKE = """
WITH place AS (
    SELECT topic, partition, last_seq FROM delivery_position
    WHERE topic = %(topic)s AND partition = %(partition)s FOR UPDATE SKIP LOCKED
), fresh AS (
    SELECT n.* FROM notification n JOIN place p USING (topic, partition)
    WHERE n.seq > p.last_seq
      AND n.seq <= (SELECT max(seq) FROM (SELECT seq FROM notification x JOIN place q USING (topic, partition)
                                          WHERE x.seq > q.last_seq ORDER BY x.seq LIMIT %(batch)s) AS capped)
), made AS (
    INSERT INTO tasks_delivery (event_id, recipient_id, channel, kind, task_id, data, state, reason, run_at, attempts,
                                message_id, created_at)
    SELECT f.event_id, f.recipient_id, 'mail', f.kind, f.task_id,
           f.data || jsonb_build_object('actor', f.actor_id), 'due', '', now(), 0,
           '<' || f.event_id || '.' || f.recipient_id || '@' || %(host)s || '>', now()
    FROM fresh f JOIN users_user u ON u.id = f.recipient_id
    ON CONFLICT DO NOTHING
    RETURNING 1
)
UPDATE delivery_position d SET last_seq = (SELECT max(seq) FROM fresh)
FROM place p
WHERE d.topic = p.topic AND d.partition = p.partition AND EXISTS (SELECT 1 FROM fresh)
RETURNING (SELECT count(*) FROM made)
"""


def make_deliveries() -> int:
    """Turn notifications that came since the last sweep into delivery rows; returns how many were made."""
    made = 0
    for partition in range(partitions_by_topic()[TOPIC]):
        made += _make_for(partition)
    return made


def _make_for(partition: int) -> int:
    place: dict[str, str | int] = {
        "topic": TOPIC,
        "partition": partition,
        "batch": BATCH,
        "host": settings.MAIL_HOST_NAME,
    }
    total = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_position (topic, partition, last_seq) VALUES (%(topic)s, %(partition)s, 0) "
            "ON CONFLICT DO NOTHING",
            place,
        )
        while True:
            cursor.execute(MAKE, place)
            row = cursor.fetchone()
            if row is None:
                return total
            total += row[0]


def due_delivery_ids(limit: int = BATCH) -> list[int]:
    """Ids of deliveries that are due and claimed by nobody, oldest first."""
    now = timezone.now()
    due = Delivery.objects.filter(state=Delivery.State.DUE, run_at__lte=now).exclude(claimed_until__gt=now)
    return list(due.order_by("run_at", "id").values_list("pk", flat=True)[:limit])


def send_delivery(*, delivery_id: int) -> Delivery.State | None:
    """Claim the delivery, ask the person's rights, send, mark. None if it is not due or somebody else has it."""
    delivery = _claim(delivery_id)
    if delivery is None:
        return None
    task = _task_they_may_see(delivery)
    if task is None:
        return _finish(delivery, Delivery.State.SKIPPED, "The task is no longer theirs to see.")
    try:
        _mail(delivery, task).send()
    except (smtplib.SMTPException, OSError) as problem:
        return _try_later(delivery, problem)
    return _finish(delivery, Delivery.State.SENT, "")


def _claim(delivery_id: int) -> Delivery | None:
    now = timezone.now()
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True)
            .filter(pk=delivery_id, state=Delivery.State.DUE, run_at__lte=now)
            .exclude(claimed_until__gt=now)
            .first()
        )
        if delivery is None:
            return None
        if delivery.attempts >= MAX_ATTEMPTS:
            _finish(delivery, Delivery.State.DEAD, "No attempt to send it came to an end.")
            return None
        delivery.claimed_until = now + CLAIM
        delivery.attempts += 1
        delivery.save(update_fields=["claimed_until", "attempts"])
    return delivery


def _task_they_may_see(delivery: Delivery) -> Task | None:
    """The task, if the recipient is active and still has a right to it; archived ones are no news."""
    if not delivery.recipient.is_active:
        return None
    try:
        task = get_task(delivery.recipient, delivery.task_id or 0)
    except NotFound:
        return None
    return None if task.archived_at else task


def _finish(delivery: Delivery, state: Delivery.State, reason: str) -> Delivery.State:
    sent_at = timezone.now() if state == Delivery.State.SENT else None
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, reason=reason, sent_at=sent_at, claimed_until=None
    )
    return state


def _try_later(delivery: Delivery, problem: Exception) -> Delivery.State:
    """Back off by powers of two minutes; after the last attempt it is given up and stays visible to operators."""
    logger.warning(
        "mail not sent", delivery=delivery.pk, attempt=delivery.attempts, problem=type(problem).__name__
    )
    if delivery.attempts >= MAX_ATTEMPTS:
        return _finish(delivery, Delivery.State.DEAD, str(problem)[:500])
    run_at = timezone.now() + timedelta(minutes=2**delivery.attempts)
    Delivery.objects.filter(pk=delivery.pk).update(
        run_at=run_at, claimed_until=None, reason=str(problem)[:500]
    )
    return Delivery.State.DUE


def _mail(delivery: Delivery, task: Task) -> EmailMultiAlternatives:
    actor_id = delivery.data.get("actor")
    actor: User | None = people_by_id([actor_id]).get(actor_id) if actor_id else None
    context = {
        "task": task,
        "actor": actor.display_name if actor else "Daybook",
        "recipient": delivery.recipient,
        "link": f"{settings.PUBLIC_URL}/tasks/{task.ref}/",
    }
    message = EmailMultiAlternatives(
        subject=f"{context['actor']} gave you {task.ref}: {task.title}"[:200],
        body=render_to_string(f"tasks/mail/{delivery.kind}.txt", context),
        to=[delivery.recipient.email],
        headers={
            "Message-ID": delivery.message_id,
            "Auto-Submitted": "auto-generated",
            "References": f"<task-{task.pk}@{settings.MAIL_HOST_NAME}>",
        },
    )
    message.attach_alternative(render_to_string(f"tasks/mail/{delivery.kind}.html", context), "text/html")
    return message
