from django.db import migrations

# History is as unchangeable as the log, and like the log lets the redactor take text away: `old` and `new` alone.
HISTORY_GUARD = """
CREATE FUNCTION forbid_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_user = 'daybook_redactor'
       AND (to_jsonb(NEW) - 'old' - 'new') = (to_jsonb(OLD) - 'old' - 'new') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'history is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER history_append_only ON history;
CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION forbid_history_change();
"""
DROP_HISTORY_GUARD = """
DROP TRIGGER history_append_only ON history;
CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION forbid_change();
DROP FUNCTION forbid_history_change();
"""

# Replaces the texts of one author's comments and of the named tasks, in every event and in history. `digest` stays, so
# the chain still verifies; each event changed gets its event_redaction row. It runs with the redactor's rights, whoever
# calls it, and nobody but the web may.
REDACT = """
CREATE FUNCTION without_texts(payload jsonb, titles boolean, bodies boolean) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
DECLARE
    place text[];
BEGIN
    FOR place IN
        SELECT p FROM (VALUES
            (titles, '{task,title}'::text[]), (titles, '{title}'), (titles, '{description}'),
            (titles, '{changes,title,from}'), (titles, '{changes,title,to}'),
            (titles, '{changes,description,from}'), (titles, '{changes,description,to}'),
            (bodies, '{comment,body}'), (bodies, '{previous_body}'), (bodies, '{body}')
        ) AS texts(wanted, p) WHERE wanted
    LOOP
        IF jsonb_typeof(payload #> place) = 'string' AND payload #>> place <> '' THEN
            payload := jsonb_set(payload, place, '"Erased"');
        END IF;
    END LOOP;
    RETURN payload;
END $$;

CREATE FUNCTION redact_texts(author bigint, tasks text[], by_whom bigint, reason text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH concerned AS MATERIALIZED (
        SELECT id, event_id, titles, bodies FROM (
            SELECT e.id, e.event_id, e.aggregate_type = 'task' AND e.aggregate_id = ANY(tasks) AS titles,
                   e.type LIKE 'comment.%' AND e.payload #>> '{comment,author}' = author::text AS bodies
            FROM event e
        ) AS every WHERE titles OR bodies
    ), done AS (
        UPDATE event e SET payload = without_texts(e.payload, c.titles, c.bodies)
        FROM concerned c
        WHERE c.id = e.id AND e.payload <> without_texts(e.payload, c.titles, c.bodies)
        RETURNING e.id
    ), past AS (
        UPDATE history h
        SET old = without_texts(h.old, c.titles, c.bodies), new = without_texts(h.new, c.titles, c.bodies)
        FROM concerned c WHERE c.event_id = h.event_id
    ), noted AS (
        INSERT INTO event_redaction (event, by, at, why) SELECT id, by_whom, now(), reason FROM done RETURNING 1
    )
    SELECT count(*) FROM noted
$$;
REVOKE ALL ON FUNCTION redact_texts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION redact_texts TO daybook_web;
"""
DROP_REDACT = "DROP FUNCTION redact_texts; DROP FUNCTION without_texts;"

# A function is given away only by a member of the role it goes to, and to a role that may make things in the schema.
GIVE = """
GRANT daybook_redactor TO CURRENT_USER;
GRANT CREATE ON SCHEMA public TO daybook_redactor;
ALTER FUNCTION redact_texts(bigint, text[], bigint, text) OWNER TO daybook_redactor;
REVOKE CREATE ON SCHEMA public FROM daybook_redactor;
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0004_schedules"), ("users", "0006_api_tokens")]

    operations = [
        migrations.RunSQL(HISTORY_GUARD, DROP_HISTORY_GUARD),
        migrations.RunSQL(REDACT, DROP_REDACT),
        migrations.RunSQL(GIVE, migrations.RunSQL.noop),
    ]
