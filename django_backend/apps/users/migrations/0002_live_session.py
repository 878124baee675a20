from django.db import migrations

# One definition of "signed in" for Django, the sockets and Flask. `user` is a reserved word, hence user_id.
LIVE_SESSION = """
CREATE VIEW live_session AS
SELECT s.sid, s.user_id, u.public_id, u.is_staff, u.access_epoch, s.kind, s.scope, s.project_id
FROM users_session s
JOIN users_user u ON u.id = s.user_id
WHERE s.ended_at IS NULL AND s.expires_at > now() AND s.idle_until > now() AND u.is_active;
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0001_people_and_teams")]

    operations = [migrations.RunSQL(LIVE_SESSION, "DROP VIEW live_session")]
