from django.db import migrations

# The one definition of who has which role in which project (active people only). `visible_to` is built on it,
# policies decide on it, Flask reads it. A guest of the team stays a guest in a project, whatever is written there.
PROJECT_ACCESS = """
CREATE VIEW project_access AS
SELECT granted.user_id, granted.project_id, granted.team_id,
       (ARRAY['guest', 'member', 'admin', 'owner'])[max(granted.rank)] AS role
FROM (
    SELECT m.user_id, p.id AS project_id, p.team_id,
           array_position(ARRAY['guest', 'member', 'admin', 'owner'], m.role::text) AS rank
    FROM users_teammember m
    JOIN tasks_project p ON p.team_id = m.team_id
    WHERE m.role IN ('owner', 'admin') OR (m.role = 'member' AND p.visibility = 'team')
    UNION ALL
    SELECT pm.user_id, pm.project_id, p.team_id,
           CASE WHEN m.role = 'guest' THEN 1
                ELSE array_position(ARRAY['guest', 'member', 'admin', 'owner'], pm.role::text) END AS rank
    FROM tasks_projectmember pm
    JOIN tasks_project p ON p.id = pm.project_id
    JOIN users_teammember m ON m.team_id = p.team_id AND m.user_id = pm.user_id
) AS granted
JOIN users_user u ON u.id = granted.user_id AND u.is_active
GROUP BY granted.user_id, granted.project_id, granted.team_id;
"""

# A task's status belongs to its project, and its category is that status's. (A personal task has no project: the
# service sees to it that its status is one of those without a project.)
STATUS_KEYS = """
ALTER TABLE tasks_task
    ADD CONSTRAINT task_status_of_project FOREIGN KEY (status_id, project_id)
        REFERENCES tasks_status (id, project_id) DEFERRABLE INITIALLY IMMEDIATE,
    ADD CONSTRAINT task_category_of_status FOREIGN KEY (status_id, category)
        REFERENCES tasks_status (id, category) DEFERRABLE INITIALLY IMMEDIATE;
"""
DROP_STATUS_KEYS = """
ALTER TABLE tasks_task DROP CONSTRAINT task_status_of_project, DROP CONSTRAINT task_category_of_status;
"""

HISTORY_GUARD = """
CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER history_no_truncate BEFORE TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();
"""
DROP_HISTORY_GUARD = (
    "DROP TRIGGER history_append_only ON history; DROP TRIGGER history_no_truncate ON history;"
)


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0001_tasks"),
        ("users", "0002_live_session"),
        ("common", "0002_tables"),
    ]

    operations = [
        migrations.RunSQL(PROJECT_ACCESS, "DROP VIEW project_access"),
        migrations.RunSQL(STATUS_KEYS, DROP_STATUS_KEYS),
        migrations.RunSQL(HISTORY_GUARD, DROP_HISTORY_GUARD),
    ]
