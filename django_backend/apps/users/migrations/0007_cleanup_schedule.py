from django.db import migrations

NAME = "Remove sign-ins, links and mails that are over"


def add_schedule(apps, schema_editor):
    using = schema_editor.connection.alias
    Crontab = apps.get_model("django_celery_beat", "CrontabSchedule").objects.using(using)
    Periodic = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(using)
    nightly, _ = Crontab.get_or_create(
        minute="37", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
    )
    Periodic.get_or_create(
        name=NAME, defaults={"task": "apps.users.jobs.clean_up_accounts", "crontab": nightly}
    )


def remove_schedule(apps, schema_editor):
    Periodic = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(
        schema_editor.connection.alias
    )
    Periodic.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0006_api_tokens"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(add_schedule, remove_schedule)]
