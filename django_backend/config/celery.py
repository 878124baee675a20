"""The Celery application: hints to do due work now. The work itself is rows (see apps.common.jobs)."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import after_task_publish, task_postrun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("daybook")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(related_name="jobs")

# A tmpfs in compose, whose health checks ask how old these files are; elsewhere there is nobody to ask. Answering a
# ping is not enough: a worker that lost Redis for a while may answer and yet take no work.
HEALTH = Path("/run/health")


@task_postrun.connect
def note_work(**_: Any) -> None:
    note_life("worker")


@after_task_publish.connect
def note_schedule(**_: Any) -> None:
    note_life("beat")


def note_life(name: str) -> None:
    if HEALTH.is_dir():
        (HEALTH / name).touch()
