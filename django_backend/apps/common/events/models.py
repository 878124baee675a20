"""The log's tables as Django sees them. Their DDL is plain SQL in the first migration: see stream design in docs.

`managed = False` keeps Django's hands off: identity cache, storage parameters, triggers and the absence of foreign
keys are all chosen there.
"""

from __future__ import annotations

from django.db import models


class EventRow(models.Model):
    """A committed fact. Never changed; only a redaction may replace text in `payload`, and `digest` stays."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    aggregate_type = models.TextField()
    aggregate_id = models.TextField()
    version = models.BigIntegerField()
    type = models.TextField()
    schema_version = models.SmallIntegerField()
    actor = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    correlation_id = models.UUIDField()
    causation_id = models.UUIDField(null=True)
    topic = models.TextField()
    partition = models.SmallIntegerField()
    payload = models.JSONField()
    digest = models.BinaryField()

    class Meta:
        managed = False
        db_table = "event"
        verbose_name = "event"

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate_type}:{self.aggregate_id} v{self.version}"


class EventPending(models.Model):
    """An event that has no `seq` yet."""

    event = models.BigIntegerField(primary_key=True)

    class Meta:
        managed = False
        db_table = "event_pending"


class EventOrder(models.Model):
    """The gapless global order, written by the relay alone."""

    seq = models.BigIntegerField(primary_key=True)
    event = models.BigIntegerField(unique=True)
    topic = models.TextField()
    partition = models.SmallIntegerField()
    prev_seq = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "event_order"


class Sequencer(models.Model):
    """One row: the last `seq` given out, and the era in which it means something."""

    one = models.BooleanField(primary_key=True, default=True)
    last_seq = models.BigIntegerField()
    era = models.UUIDField()

    class Meta:
        managed = False
        db_table = "sequencer"


class EventPublished(models.Model):
    """One row: how far Kafka has been fed (the watermark), and which relay may move it."""

    one = models.BooleanField(primary_key=True, default=True)
    seq = models.BigIntegerField()
    lease_owner = models.TextField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "event_published"


class ConsumerPosition(models.Model):
    """How far a group has come in a partition, and who may move it (the lease)."""

    pk = models.CompositePrimaryKey("group", "topic", "partition")
    group = models.TextField()
    topic = models.TextField()
    partition = models.SmallIntegerField()
    last_seq = models.BigIntegerField()
    kafka_offset = models.BigIntegerField(null=True)
    kafka_topic = models.TextField(null=True)  # the id of the topic whose offset that is
    era = models.UUIDField()
    lease_owner = models.TextField(null=True)
    lease_epoch = models.BigIntegerField()
    lease_until = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "consumer_position"


class ConsumerMember(models.Model):
    """A process that says it lives, so that the others know their share."""

    pk = models.CompositePrimaryKey("group", "member")
    group = models.TextField()
    member = models.TextField()
    alive_until = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "consumer_member"


class EventRedaction(models.Model):
    """Who had text removed from an event's payload, when and why."""

    id = models.BigAutoField(primary_key=True)
    event = models.BigIntegerField()
    by = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    why = models.TextField()

    class Meta:
        managed = False
        db_table = "event_redaction"


class DeadLetter(models.Model):
    """An event a consumer could not take, for what is in it; written in the transaction that moves the position."""

    id = models.BigAutoField(primary_key=True)
    group = models.TextField()
    seq = models.BigIntegerField()
    event_id = models.UUIDField()
    event_type = models.TextField()
    aggregate_type = models.TextField()
    aggregate_id = models.TextField()
    code = models.TextField()
    detail = models.TextField()
    parked = models.BooleanField()
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "dead_letter"
