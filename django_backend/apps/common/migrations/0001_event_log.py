"""The event log: plain SQL, because identity cache, storage parameters and triggers are all chosen here."""

from __future__ import annotations

from django.db import migrations

TABLES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS btree_gin;

-- CACHE 1: with a larger cache a later transaction's id can be lower than an earlier one's.
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    type text NOT NULL,
    schema_version smallint NOT NULL,
    actor bigint,
    occurred_at timestamptz NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    topic text NOT NULL,
    partition smallint NOT NULL,
    payload jsonb NOT NULL,
    digest bytea NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, version)
);

-- No foreign keys from pending and order to event: checking them would write the event's tuple again.
CREATE TABLE event_pending (
    event bigint PRIMARY KEY
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE event_order (
    seq bigint PRIMARY KEY,
    event bigint NOT NULL UNIQUE,
    topic text NOT NULL,
    partition smallint NOT NULL,
    prev_seq bigint NOT NULL,
    UNIQUE (topic, partition, seq)
);

CREATE TABLE sequencer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_seq bigint NOT NULL DEFAULT 0,
    era uuid NOT NULL DEFAULT gen_random_uuid()
) WITH (fillfactor = 50);
INSERT INTO sequencer DEFAULT VALUES;

CREATE TABLE event_published (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO event_published DEFAULT VALUES;

-- No index on lease_until: without one every renewal stays a heap-only update.
CREATE TABLE consumer_position (
    "group" text NOT NULL,
    topic text NOT NULL,
    partition smallint NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    kafka_offset bigint,
    era uuid NOT NULL,
    lease_owner text,
    lease_epoch bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    PRIMARY KEY ("group", topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE consumer_member (
    "group" text NOT NULL,
    member text NOT NULL,
    alive_until timestamptz NOT NULL,
    PRIMARY KEY ("group", member)
) WITH (fillfactor = 50);

CREATE TABLE event_redaction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event bigint NOT NULL,
    by bigint,
    at timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL
);

CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "group" text NOT NULL,
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    parked boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    UNIQUE ("group", event_id)
);
CREATE INDEX dead_letter_open ON dead_letter ("group", aggregate_type, aggregate_id) WHERE resolved_at IS NULL;
"""

# The owner may not change an event either: only members of the redactor role pass, and only with another payload.
APPEND_ONLY = """
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION forbid_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'daybook_redactor'
       AND (to_jsonb(NEW) - 'payload') = (to_jsonb(OLD) - 'payload') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'event is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION forbid_event_change();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
"""

DROP = """
DROP TABLE dead_letter, event_redaction, consumer_member, consumer_position, event_published, sequencer,
    event_order, event_pending, event;
DROP FUNCTION forbid_event_change();
DROP FUNCTION forbid_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.RunSQL(TABLES, DROP),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
