"""The DDL of every derived table. Each has one writer, in kafka/consumers; nothing here is written by Django.

Rows are keyed by event and carry team and project, so that rights can be asked after the task is gone. Ids carry no
foreign keys: a projection outlives what it tells of and can be rebuilt at any time.
"""

from __future__ import annotations

from django.db import models


class Activity(models.Model):
    """The activity feed: one row per event that people follow. Writer: activity-feed."""

    event_id = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField(unique=True)
    type = models.TextField()
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    team_id = models.BigIntegerField(null=True)
    project_id = models.BigIntegerField(null=True)
    task_id = models.BigIntegerField(null=True)
    # What a line of the feed needs to be read: the task's key and title then, from and to, the person concerned.
    data = models.JSONField()

    class Meta:
        db_table = "activity"
        indexes = [
            models.Index(fields=["project_id", "-seq"], name="activity_project"),
            models.Index(fields=["team_id", "-seq"], name="activity_team"),
            models.Index(fields=["task_id", "-seq"], name="activity_task"),
        ]


class Notification(models.Model):
    """A candidate: this person may want to know of this event. Writer: notifications.

    `topic`, `partition` and `seq` let the delivery sweeper keep a position of its own per partition: rows of one
    partition appear in the order of `seq`, so it can't pass over one.
    """

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField()
    recipient_id = models.BigIntegerField()
    kind = models.TextField()
    topic = models.TextField()
    partition = models.SmallIntegerField()
    seq = models.BigIntegerField()
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    team_id = models.BigIntegerField(null=True)
    project_id = models.BigIntegerField(null=True)
    task_id = models.BigIntegerField(null=True)
    data = models.JSONField()

    class Meta:
        db_table = "notification"
        constraints = [
            models.UniqueConstraint(fields=["event_id", "recipient_id"], name="notification_event_recipient")
        ]
        indexes = [
            models.Index(fields=["recipient_id", "-seq"], name="notification_recipient"),
            models.Index(fields=["topic", "partition", "seq"], name="notification_position"),
        ]


class AnalyticsTask(models.Model):
    """A task as its latest event left it. Writer: analytics; guarded by version."""

    task_id = models.BigIntegerField(primary_key=True)
    version = models.BigIntegerField()
    team_id = models.BigIntegerField(null=True)
    project_id = models.BigIntegerField(null=True)
    creator_id = models.BigIntegerField()
    status = models.TextField()
    category = models.TextField()
    priority = models.TextField()
    due_at = models.DateTimeField(null=True)
    estimated_hours = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    actual_hours = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "analytics_task"
        indexes = [
            models.Index(fields=["project_id", "category"], name="analytics_task_project"),
            models.Index(fields=["creator_id"], name="analytics_task_creator"),
        ]


class AnalyticsEvent(models.Model):
    """One row per task event: the fact that figures over time are counted from. Writer: analytics."""

    event_id = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField(unique=True)
    type = models.TextField()
    task_id = models.BigIntegerField()
    team_id = models.BigIntegerField(null=True)
    project_id = models.BigIntegerField(null=True)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    from_category = models.TextField(null=True)
    to_category = models.TextField(null=True)

    class Meta:
        db_table = "analytics_event"
        indexes = [
            models.Index(fields=["project_id", "at"], name="analytics_event_project"),
            models.Index(fields=["task_id", "seq"], name="analytics_event_task"),
        ]


class AnalyticsAssignment(models.Model):
    """Who is on a task now, and since when. Writer: analytics."""

    id = models.BigAutoField(primary_key=True)
    task_id = models.BigIntegerField()
    user_id = models.BigIntegerField()
    since = models.DateTimeField()

    class Meta:
        db_table = "analytics_assignment"
        constraints = [
            models.UniqueConstraint(fields=["task_id", "user_id"], name="analytics_assignment_once")
        ]
        indexes = [models.Index(fields=["user_id"], name="analytics_assignment_user")]
