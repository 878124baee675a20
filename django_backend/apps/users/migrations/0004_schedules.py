from django.db import migrations

NAME = "Send what is due about accounts"


def add_schedule(apps, schema_editor):
    using = schema_editor.connection.alias
    Interval = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(using)
    Periodic = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(using)
    often, _ = Interval.get_or_create(every=5, period="seconds")
    Periodic.get_or_create(
        name=NAME,
        defaults={"task": "apps.users.jobs.sweep_account_mail", "interval": often, "expire_seconds": 30},
    )


def remove_schedule(apps, schema_editor):
    Periodic = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(
        schema_editor.connection.alias
    )
    Periodic.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0003_links_mail_limits"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(add_schedule, remove_schedule)]
