"""From models to events: the payloads that the stream's schemas describe (kafka/tms_events/schemas)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from apps.tasks.models import Comment, Project, Status, Task


def task_state(task: Task, assignee_ids: Sequence[int]) -> dict[str, Any]:
    """The task's short state after the command: every field but the long texts."""
    return {
        "id": task.pk,
        "number": task.number,
        "key": task.key,
        "team": task.project.team_id if task.project else None,
        "project": task.project_id,
        "title": task.title,
        "status": status_state(task.status),
        "priority": task.priority_key,
        "creator": task.creator_id,
        "assignees": list(assignee_ids),
        "start_date": plain_date(task.start_date),
        "start_time": plain_time(task.start_time),
        "due_date": plain_date(task.due_date),
        "due_time": plain_time(task.due_time),
        "due_at": plain_moment(task.due_at),
        "estimated_hours": plain_decimal(task.estimated_hours),
        "actual_hours": plain_decimal(task.actual_hours),
        "parent": task.parent_id,
        "created_at": plain_moment(task.created_at),
        "completed_at": plain_moment(task.completed_at),
        "archived_at": plain_moment(task.archived_at),
        "version": task.version,
        "edit_version": task.edit_version,
    }


def audience(task: Task, assignee_ids: Sequence[int]) -> dict[str, Any]:
    """Who the event concerns, as of now: consumers know nobody else."""
    return {"creator": task.creator_id, "assignees": list(assignee_ids), "watchers": [], "mentioned": []}


def status_state(status: Status) -> dict[str, Any]:
    return {"id": status.pk, "name": status.name, "category": status.category}


def due_state(task: Task) -> dict[str, Any]:
    return {
        "date": plain_date(task.due_date),
        "time": plain_time(task.due_time),
        "at": plain_moment(task.due_at),
    }


def comment_state(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.pk,
        "author": comment.author_id,
        "body": comment.body,
        "created_at": plain_moment(comment.created_at),
    }


def project_state(project: Project) -> dict[str, Any]:
    return {
        "id": project.pk,
        "team": project.team_id,
        "key": project.key,
        "name": project.name,
        "visibility": project.visibility,
    }


def plain_moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat() if value else None


def plain_date(value: date | None) -> str | None:
    return value.isoformat() if value else None


def plain_time(value: time | None) -> str | None:
    return value.isoformat(timespec="minutes") if value else None


def plain_decimal(value: Decimal | None) -> str | None:
    """Two decimals as text: payloads hold no floats."""
    return f"{value:.2f}" if value is not None else None
