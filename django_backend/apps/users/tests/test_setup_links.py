"""The first person comes in by a link that works once."""

from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.users.models import Role, SetupLink, Team, TeamMember, User
from apps.users.services.setup_links import LinkNotGood, make_setup_link, use_setup_link
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

PRIYA = {
    "email": "priya@lantern.example",
    "username": "priya",
    "display_name": "Priya Nair",
    "password": PASSWORD,
}
FORM = PRIYA | {"team_name": "Lantern"}


def printed_path():
    out = StringIO()
    call_command("setup_link", stdout=out)
    link = out.getvalue().strip()
    assert link.startswith("http://127.0.0.1:8000/set-up/")
    return urlsplit(link).path


def secret_of(link):
    return link.rstrip("/").rpartition("/")[2]


def test_the_printed_link_makes_the_first_person_and_their_team(client, settings):
    settings.REGISTRATION = "closed"
    path = printed_path()
    assert client.get(path).status_code == 200

    answer = client.post(path, FORM)

    assert (answer.status_code, answer["Location"]) == (302, "/tasks/")
    user, team = User.objects.get(), Team.objects.get()
    assert user.is_staff and not user.is_superuser
    assert TeamMember.objects.get().role == Role.OWNER
    assert facts("user.registered") == [{"user": user.pk, "how": "first_person"}]
    assert types_of(team) == [(1, "team.created"), (2, "member.added")]
    assert client.get("/api/users/me/").json()["username"] == "priya"


def test_a_link_works_once(client):
    path = printed_path()
    client.post(path, FORM)

    again = client.post(path, FORM | {"email": "x@lantern.example", "username": "xaver"})

    assert again.status_code == 404 and User.objects.count() == 1


def test_a_newer_link_replaces_the_former():
    former, newer = secret_of(make_setup_link()), secret_of(make_setup_link())

    with pytest.raises(LinkNotGood):
        use_setup_link(secret=former, **FORM)
    assert use_setup_link(secret=newer, **FORM)


def test_a_link_ends_after_seven_days():
    secret = secret_of(make_setup_link())

    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1)), pytest.raises(LinkNotGood):
        use_setup_link(secret=secret, **FORM)


def test_a_form_with_a_mistake_does_not_spend_the_link(client):
    path = printed_path()

    assert client.post(path, FORM | {"password": "short"}).status_code == 422
    assert client.post(path, FORM).status_code == 302


def test_the_secret_is_not_in_the_database():
    secret = secret_of(make_setup_link())

    assert secret.encode() not in bytes(SetupLink.objects.get().digest)


def test_no_link_is_made_where_somebody_runs_the_install():
    make_user("olga", is_staff=True)

    with pytest.raises(CommandError, match="Somebody runs this install already"):
        call_command("setup_link")


def test_the_api_takes_the_same_secret(api):
    body = PRIYA | {"setup_token": secret_of(make_setup_link()), "team_name": "Lantern"}

    assert api().post("/api/auth/register/", body, format="json").status_code == 201
    assert api().post("/api/auth/register/", body, format="json").json()["code"] == "setup_link_not_good"
    assert User.objects.get().is_staff
