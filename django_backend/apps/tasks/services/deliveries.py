"""Deliveries: from a notification (a consumer's row) to a mail, by way of a row that says it is due.

`make_deliveries` turns new notifications into rows, `due_delivery_ids` finds what is due, `send_delivery` claims one
and sends it (apps.common.mail.sending, as all mail). Each may run twice or be killed anywhere.
"""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.template.loader import render_to_string

from apps.common.errors import NotFound
from apps.common.mail.rows import MailRow
from apps.common.mail.sending import BATCH, NotWanted, due_ids, send_row
from apps.tasks.models import Delivery, Task
from apps.tasks.selectors import get_task, people_by_id
from apps.users.models import User
from tms_events.topics import partitions_by_topic

TOPIC = "task-events"

# The rows made of notifications `n`; a second time makes none.
INSERT = """
INSERT INTO tasks_delivery (event_id, recipient_id, channel, kind, task_id, data, state, reason, run_at, attempts,
                            message_id, created_at)
SELECT n.event_id, n.recipient_id, 'mail', n.kind, n.task_id, n.data || jsonb_build_object('actor', n.actor_id),
       'due', '', now(), 0, '<' || n.event_id || '.' || n.recipient_id || '@' || %(host)s || '>', now()
FROM {notifications}
JOIN users_user u ON u.id = n.recipient_id
ORDER BY n.seq, n.recipient_id
ON CONFLICT DO NOTHING
"""

# One statement: the position is locked and moved, and the rows are made, together. Rows of a partition appear in the
# order of seq (its consumer is the only writer), so a position by seq can't pass over one.
MAKE = f"""
WITH place AS (
    SELECT topic, partition, last_seq FROM delivery_position
    WHERE topic = %(topic)s AND partition = %(partition)s FOR UPDATE SKIP LOCKED
), fresh AS (
    SELECT n.* FROM notification n JOIN place p USING (topic, partition)
    WHERE n.seq > p.last_seq
      AND n.seq <= (SELECT max(seq) FROM (SELECT seq FROM notification x JOIN place q USING (topic, partition)
                                          WHERE x.seq > q.last_seq ORDER BY x.seq LIMIT %(batch)s) AS capped)
), made AS (
{INSERT.format(notifications="fresh n")}
    RETURNING 1
)
UPDATE delivery_position d SET last_seq = (SELECT max(seq) FROM fresh)
FROM place p
WHERE d.topic = p.topic AND d.partition = p.partition AND EXISTS (SELECT 1 FROM fresh)
RETURNING (SELECT count(*) FROM made)
"""


# A notification that an operator re-drove from a dead letter comes below the position; there are few letters.
REDRIVEN = """
(SELECT n.* FROM notification n JOIN dead_letter d USING (event_id)
 WHERE d."group" = 'notifications' AND d.resolved_at IS NOT NULL) AS n
"""
MAKE_REDRIVEN = INSERT.format(notifications=REDRIVEN)


def make_deliveries() -> int:
    """Turn notifications that came since the last sweep into delivery rows; returns how many were made."""
    with connection.cursor() as cursor:
        cursor.execute(MAKE_REDRIVEN, {"host": settings.MAIL_HOST_NAME})
        made = cursor.rowcount
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
    return due_ids(Delivery, limit)


def send_delivery(*, delivery_id: int) -> MailRow.State | None:
    """Claim the delivery, ask the person's rights, send, mark. None if it is not due or somebody else has it."""
    return send_row(Delivery, delivery_id, _mail)


def _task_they_may_see(delivery: Delivery) -> Task | None:
    """The task, if the recipient is active and still has a right to it; archived ones are no news."""
    if not delivery.recipient.is_active:
        return None
    try:
        task = get_task(delivery.recipient, delivery.task_id or 0)
    except NotFound:
        return None
    return None if task.archived_at else task


def _mail(delivery: Delivery) -> EmailMultiAlternatives:
    """The mail itself; raises NotWanted where the recipient has no right to the task any more."""
    task = _task_they_may_see(delivery)
    if task is None:
        raise NotWanted("The task is no longer theirs to see.")
    actor_id = delivery.data.get("actor")
    actor: User | None = people_by_id([actor_id]).get(actor_id) if actor_id else None
    context = {
        "task": task,
        "actor": actor.display_name if actor else "Daybook",
        "recipient": delivery.recipient,
        "link": f"{settings.PUBLIC_URL}/tasks/{task.ref}/",
    }
    message = EmailMultiAlternatives(
        subject=" ".join(f"{context['actor']} gave you {task.ref}: {task.title}".split())[:200],
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
