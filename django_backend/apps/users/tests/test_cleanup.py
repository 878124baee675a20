"""What is over is taken away once a day, and nothing that still counts."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from apps.common.models import JobRun
from apps.users.jobs import clean_up_accounts
from apps.users.models import AccountLink, AccountMail, ApiToken, RateLimit, Session, SocketTicket
from apps.users.services.api_tokens import Wish, create_token
from apps.users.services.cleanup import remove_expired
from apps.users.services.invitations import invite_to_team
from apps.users.services.passwords import request_password_reset
from apps.users.services.sessions import sign_in_client
from apps.users.services.tickets import issue_socket_ticket
from apps.users.tests.factories import PASSWORD, make_team, make_user
from apps.users.tests.mailbox import send_all

pytestmark = pytest.mark.django_db
KINDS = (AccountLink, AccountMail, ApiToken, OutstandingToken, RateLimit, Session, SocketTicket)


@pytest.fixture
def lived_in():
    olga = make_user("olga", password=PASSWORD)
    session, _ = sign_in_client(login="olga", password=PASSWORD)
    issue_socket_ticket(actor=olga, sid=session.sid)
    create_token(actor=olga, wish=Wish("script", "read", 30))
    invite_to_team(actor=olga, team_id=make_team(olga).pk, role="guest", email="ben@lantern.example")
    request_password_reset(email=olga.email)
    send_all()


def test_nothing_is_taken_away_before_its_time(lived_in):
    before = {kind: kind.objects.count() for kind in KINDS}
    assert all(before.values())

    remove_expired()

    after = {kind: kind.objects.count() for kind in KINDS}
    assert after.pop(RateLimit) > 0 < before.pop(RateLimit)  # allowances that are whole again may go
    assert after == before


def test_everything_goes_in_the_end(lived_in):
    with time_machine.travel(timezone.now() + timedelta(days=200)):
        remove_expired()
        remove_expired()

    assert {kind.__name__: kind.objects.count() for kind in KINDS} == {kind.__name__: 0 for kind in KINDS}


def test_a_mail_that_was_given_up_stays_for_operators(lived_in):
    AccountMail.objects.update(state="dead")

    with time_machine.travel(timezone.now() + timedelta(days=20)):
        remove_expired()

    assert AccountMail.objects.exists()


def test_the_day_s_job_runs_once(lived_in):
    clean_up_accounts()
    clean_up_accounts()

    assert JobRun.objects.filter(name="clean_up_accounts", finished_at__isnull=False).count() == 1
