"""From a notification to a mail: each once, to those who may see, and none lost."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from apps.common.mail import sending
from apps.common.models import Notification
from apps.tasks.models import Delivery, ProjectMember
from apps.tasks.services import deliveries
from apps.tasks.services.tasks import create_task
from apps.users.models import User

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def task(cast):
    return create_task(actor=cast.member, title="Print <the> list", project_id=cast.project.pk)


@pytest.fixture
def notify(task, cast):
    """Writes a row as the notifications consumer does: the web's own role may not."""

    def write(recipient, seq=1, partition=3):
        return Notification.objects.using("owner").create(
            event_id=uuid4(),
            recipient_id=recipient.pk,
            kind="assigned",
            topic="task-events",
            partition=partition,
            seq=seq,
            actor_id=cast.member.pk,
            at=timezone.now(),
            team_id=cast.team.pk,
            project_id=cast.project.pk,
            task_id=task.pk,
            data={},
        )

    return write


def states():
    return list(Delivery.objects.order_by("id").values_list("recipient_id", "state"))


def send_all():
    for delivery_id in deliveries.due_delivery_ids():
        deliveries.send_delivery(delivery_id=delivery_id)


def test_each_notification_becomes_one_delivery_however_often_it_is_swept(cast, notify):
    notify(cast.admin, seq=1)
    notify(cast.guest, seq=2)
    assert [deliveries.make_deliveries() for _ in range(3)] == [2, 0, 0]
    notify(cast.owner, seq=5)
    assert deliveries.make_deliveries() == 1
    assert states() == [(cast.admin.pk, "due"), (cast.guest.pk, "due"), (cast.owner.pk, "due")]


def test_a_batch_smaller_than_what_waits_leaves_nothing_behind(cast, notify, monkeypatch):
    monkeypatch.setattr(deliveries, "BATCH", 2)
    for seq in range(1, 6):
        notify(cast.admin, seq=seq)
    assert deliveries.make_deliveries() == 5


def test_a_mail_names_the_task_and_says_that_no_person_wrote_it(cast, notify, task):
    note = notify(cast.admin)
    deliveries.make_deliveries()
    send_all()
    (message,) = mail.outbox
    assert message.to == [cast.admin.email]
    assert message.subject == f"{cast.member} gave you {task.ref}: Print <the> list"
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert message.extra_headers["Message-ID"] == f"<{note.event_id}.{cast.admin.pk}@localhost>"
    html = message.alternatives[0].content
    assert "Print &lt;the&gt; list" in html
    assert f"/tasks/{task.ref}/" in message.body


def test_a_delivery_is_sent_once(cast, notify):
    notify(cast.admin)
    deliveries.make_deliveries()
    (delivery_id,) = deliveries.due_delivery_ids()
    results = [deliveries.send_delivery(delivery_id=delivery_id) for _ in range(2)]
    assert (results, len(mail.outbox)) == (["sent", None], 1)


def test_one_that_somebody_else_has_claimed_is_left_alone_until_the_claim_ends(cast, notify):
    notify(cast.admin)
    deliveries.make_deliveries()
    Delivery.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    assert deliveries.due_delivery_ids() == []
    Delivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    send_all()
    assert states() == [(cast.admin.pk, "sent")]


def test_a_claim_outlasts_the_job_that_made_it_and_no_more_than_half_a_minute():
    """Otherwise two could send at once; and a mail that a killed worker had in hand waits for just so long."""
    from apps.tasks.jobs import send_delivery

    assert send_delivery.time_limit == sending.SEND_LIMIT.total_seconds()
    assert sending.SEND_LIMIT < sending.CLAIM <= timedelta(seconds=30)


def test_one_that_ends_every_worker_that_tries_it_is_given_up(cast, notify):
    """Killed in the middle each time: nobody is there to note the failure, so the next claim does."""
    notify(cast.admin)
    deliveries.make_deliveries()
    Delivery.objects.update(
        attempts=sending.MAX_ATTEMPTS, claimed_until=timezone.now() - timedelta(seconds=1)
    )
    send_all()
    assert (states(), mail.outbox) == ([(cast.admin.pk, "dead")], [])


def test_who_lost_the_right_to_see_the_task_gets_no_mail(cast, notify, task):
    notify(cast.guest)
    deliveries.make_deliveries()
    ProjectMember.objects.filter(user=cast.guest).delete()
    send_all()
    assert (states(), mail.outbox) == ([(cast.guest.pk, "skipped")], [])


def test_who_was_deactivated_gets_no_mail(cast, notify):
    notify(cast.admin)
    deliveries.make_deliveries()
    User.objects.filter(pk=cast.admin.pk).update(is_active=False)
    send_all()
    assert states() == [(cast.admin.pk, "skipped")]


def test_a_mail_server_that_fails_is_tried_again_later_and_given_up_in_the_end(cast, notify, monkeypatch):
    def refuse(self, messages):
        raise OSError("connection refused")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    notify(cast.admin)
    deliveries.make_deliveries()
    waits = []
    for _ in range(sending.MAX_ATTEMPTS):
        send_all()
        delivery = Delivery.objects.get()
        waits.append(round((delivery.run_at - timezone.now()).total_seconds() / 60))
        Delivery.objects.update(run_at=timezone.now())
    assert waits[:-1] == [2, 4, 8, 16, 32, 64, 128]
    assert (delivery.state, delivery.reason) == ("dead", "connection refused")


def test_the_outbox_folder_holds_one_file_per_mail_even_when_it_is_sent_twice(
    cast, notify, settings, tmp_path
):
    settings.EMAIL_BACKEND = "apps.common.mail.OutboxBackend"
    settings.OUTBOX_DIR = tmp_path / "outbox"
    notify(cast.admin)
    deliveries.make_deliveries()
    send_all()
    Delivery.objects.update(state="due", sent_at=None)
    send_all()
    (file,) = (tmp_path / "outbox").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"] == cast.admin.email
    assert message.get_body(("plain",)).get_content().startswith("Mina gave you a task.")


def test_the_worker_listens_to_the_queue_that_jobs_go_to():
    from celery import current_app

    from apps.tasks.jobs import send_delivery, sweep_deliveries

    assert settings.CELERY_TASK_DEFAULT_QUEUE == "daybook"
    for job in (send_delivery, sweep_deliveries):
        route = current_app.amqp.router.route({}, job.name)
        assert route["queue"].name == "daybook"


def test_every_scheduled_job_exists():
    from celery import current_app
    from django_celery_beat.models import PeriodicTask

    current_app.loader.import_default_modules()  # as a worker does when it starts
    scheduled = set(PeriodicTask.objects.exclude(task__startswith="celery.").values_list("task", flat=True))
    assert scheduled == {
        "apps.tasks.jobs.sweep_deliveries",
        "apps.users.jobs.sweep_account_mail",
        "apps.users.jobs.clean_up_accounts",
        "apps.common.jobs.clean_up",
    }
    assert scheduled <= set(current_app.tasks)


def test_a_notification_that_was_redriven_below_the_position_becomes_a_mail_too(cast, notify):
    from django.db import connections

    notify(cast.admin, seq=101)
    assert deliveries.make_deliveries() == 1
    late = notify(cast.guest, seq=100)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            'INSERT INTO dead_letter ("group", seq, event_id, event_type, aggregate_type, aggregate_id, code, detail, '
            "resolved_at) VALUES ('notifications', 100, %s, 'task.assigned', 'task', '1', 'x', '', now())",
            [late.event_id],
        )
    assert [deliveries.make_deliveries() for _ in range(2)] == [1, 0]
    assert states() == [(cast.admin.pk, "due"), (cast.guest.pk, "due")]


def test_a_name_or_title_of_several_lines_does_not_hold_up_a_mail(cast, notify):
    User.objects.filter(pk=cast.member.pk).update(display_name="Mina\nM.")
    notify(cast.admin)
    deliveries.make_deliveries()
    send_all()
    assert mail.outbox[0].subject.startswith("Mina M. gave you")
