from django.db import migrations

# The statuses of tasks without a project.
PERSONAL_STATUSES = """
INSERT INTO tasks_status (name, category, "order") VALUES
    ('To do', 'todo', 1), ('In progress', 'in_progress', 2), ('Blocked', 'blocked', 3),
    ('Done', 'done', 4), ('Cancelled', 'cancelled', 5);
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0002_rights_and_guards")]

    operations = [
        migrations.RunSQL(PERSONAL_STATUSES, "DELETE FROM tasks_status WHERE project_id IS NULL"),
    ]
