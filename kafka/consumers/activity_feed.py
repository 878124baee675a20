"""The activity feed: a row for everything people follow, holding what a line of the feed needs to be read."""

from __future__ import annotations

from collections.abc import Sequence

from consumers.fold import Fold
from tms_events.envelope import StoredEvent
from tms_events.log.base import Transaction
from tms_events.types import EVENT_TYPES

# Sign-ins and the system's own facts are the audit log's.
TYPES = frozenset(
    name
    for name in EVENT_TYPES
    if name.startswith(("task.", "comment.", "member.", "project.")) or name == "team.created"
)

# `team` and `project` in a payload are an id, except in the event that created them.
FOLD = Fold("""
WITH given AS ({given})
INSERT INTO activity (event_id, seq, type, actor_id, at, team_id, project_id, task_id, data)
SELECT event_id, seq, type, actor, occurred_at,
    (CASE
        WHEN payload ? 'task' THEN payload #>> '{task,team}'
        WHEN type = 'team.created' THEN payload #>> '{team,id}'
        WHEN type = 'project.created' THEN payload #>> '{project,team}'
        ELSE payload ->> 'team'
    END)::bigint,
    (CASE
        WHEN payload ? 'task' THEN payload #>> '{task,project}'
        WHEN type = 'project.created' THEN payload #>> '{project,id}'
        ELSE payload ->> 'project'
    END)::bigint,
    (payload #>> '{task,id}')::bigint,
    CASE WHEN payload ? 'task'
        THEN jsonb_build_object('key', payload #> '{task,key}', 'title', payload #> '{task,title}')
        ELSE '{}' END
    || CASE WHEN payload ? 'from'
        THEN jsonb_build_object('from', payload -> 'from', 'to', payload -> 'to') ELSE '{}' END
    || CASE WHEN payload ? 'changes'
        THEN jsonb_build_object('fields', ARRAY(SELECT jsonb_object_keys(payload -> 'changes'))) ELSE '{}' END
    || CASE WHEN payload ? 'user' THEN jsonb_build_object('user', payload -> 'user') ELSE '{}' END
    || CASE WHEN payload ? 'role' THEN jsonb_build_object('role', payload -> 'role') ELSE '{}' END
    || CASE WHEN payload ? 'comment'
        THEN jsonb_build_object('comment', payload #> '{comment,id}') ELSE '{}' END
    || CASE WHEN payload #> '{comment,body}' IS NOT NULL
        THEN jsonb_build_object('excerpt', left(payload #>> '{comment,body}', 200)) ELSE '{}' END
    || CASE WHEN type = 'team.created'
        THEN jsonb_build_object('team', payload #> '{team,name}') ELSE '{}' END
    || CASE WHEN type = 'project.created'
        THEN jsonb_build_object('project', payload #> '{project,name}') ELSE '{}' END
FROM given ORDER BY seq
ON CONFLICT (event_id) DO NOTHING
""")


def handle(batch: Sequence[StoredEvent], tx: Transaction) -> None:
    """Add the rows of `batch`; a repeat adds none."""
    FOLD.over_batch(batch, tx)
