"""All models of `common`: the log's tables, the projections, the idempotency rows and the runs of jobs."""

from apps.common.events.models import (
    ConsumerMember,
    ConsumerPosition,
    DeadLetter,
    EventOrder,
    EventPending,
    EventPublished,
    EventRedaction,
    EventRow,
    Sequencer,
)
from apps.common.idempotency.models import IdempotencyRecord
from apps.common.jobs.models import JobRun
from apps.common.projections.models import (
    Activity,
    AnalyticsAssignment,
    AnalyticsEvent,
    AnalyticsTask,
    Notification,
)

__all__ = [
    "Activity",
    "AnalyticsAssignment",
    "AnalyticsEvent",
    "AnalyticsTask",
    "ConsumerMember",
    "ConsumerPosition",
    "DeadLetter",
    "EventOrder",
    "EventPending",
    "EventPublished",
    "EventRedaction",
    "EventRow",
    "IdempotencyRecord",
    "JobRun",
    "Notification",
    "Sequencer",
]
