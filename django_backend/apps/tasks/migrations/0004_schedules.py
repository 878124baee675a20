from django.db import migrations


def add_schedules(apps, schema_editor):
    """Beat's schedules live in the database, where operators see and change them."""
    using = schema_editor.connection.alias
    Interval = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(using)
    Crontab = apps.get_model("django_celery_beat", "CrontabSchedule").objects.using(using)
    Periodic = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(using)
    often, _ = Interval.get_or_create(every=5, period="seconds")
    nightly, _ = Crontab.get_or_create(
        minute="17", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    Periodic.get_or_create(
        name="Send what is due",
        defaults={"task": "apps.tasks.jobs.sweep_deliveries", "interval": often, "expire_seconds": 30},
    )
    Periodic.get_or_create(
        name="Remove what has expired", defaults={"task": "apps.common.jobs.clean_up", "crontab": nightly}
    )


def remove_schedules(apps, schema_editor):
    Periodic = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(
        schema_editor.connection.alias
    )
    Periodic.filter(name__in=["Send what is due", "Remove what has expired"]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0003_personal_statuses"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(add_schedules, remove_schedules)]
