"""Notifications: who may want to know of an event. Rights and the person's choices are asked when it is delivered."""

from __future__ import annotations

from collections.abc import Sequence

from consumers.fold import Fold
from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction

TYPES = frozenset({"task.assigned"})

# Nobody is told of what they did themselves.
FOLD = Fold("""
WITH given AS ({given}),
candidate AS (
    SELECT given.*, (payload ->> 'user')::bigint AS recipient, 'assigned' AS kind
    FROM given WHERE type = 'task.assigned'
)
INSERT INTO notification (event_id, recipient_id, kind, topic, partition, seq, actor_id, at,
                          team_id, project_id, task_id, data)
SELECT event_id, recipient, kind, topic, partition, seq, actor, occurred_at,
    (payload #>> '{task,team}')::bigint, (payload #>> '{task,project}')::bigint, (payload #>> '{task,id}')::bigint,
    jsonb_build_object('key', payload #> '{task,key}', 'title', payload #> '{task,title}', 'role', payload -> 'role')
FROM candidate
WHERE recipient IS DISTINCT FROM actor
ORDER BY seq, recipient
ON CONFLICT (event_id, recipient_id) DO NOTHING
""")


def handle(batch: Sequence[StoredEvent], tx: Transaction) -> None:
    """Add the candidates of `batch`; a repeat adds none."""
    FOLD.over_batch(batch, tx)
