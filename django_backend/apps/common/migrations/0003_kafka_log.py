"""What the Kafka log has to remember: which topic an offset belongs to, and who publishes."""

from django.db import migrations

# A topic that is deleted and made again has the same name and another id; an offset of the old one means nothing then.
COLUMNS = """
ALTER TABLE consumer_position ADD COLUMN kafka_topic text;
ALTER TABLE event_published ADD COLUMN lease_owner text, ADD COLUMN lease_until timestamptz;
"""

DROP = """
ALTER TABLE event_published DROP COLUMN lease_until, DROP COLUMN lease_owner;
ALTER TABLE consumer_position DROP COLUMN kafka_topic;
"""


class Migration(migrations.Migration):
    dependencies = [("common", "0002_tables")]

    operations = [migrations.RunSQL(COLUMNS, DROP)]
