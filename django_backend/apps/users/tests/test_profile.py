"""What people say of themselves, and how they leave."""

import pytest

from apps.common.errors import NotFound
from apps.users.models import Session, TeamMember, User
from apps.users.services.api_tokens import Wish, create_token
from apps.users.services.leaving import deactivate_user, reactivate_user
from apps.users.services.teams import LastOwner, add_team_member, change_member_role
from apps.users.tests.events import facts, types_of
from apps.users.tests.factories import PASSWORD, make_session, make_team, make_user

pytestmark = pytest.mark.django_db

ME = "/api/users/me/"


@pytest.fixture
def olga():
    return make_user("olga", password=PASSWORD)


def test_the_named_fields_change_and_the_fact_tells_their_names_alone(api, olga):
    answer = api(olga).patch(ME, {"display_name": " Olga Berg ", "time_zone": "Europe/Vienna"}, format="json")

    assert (answer.status_code, answer.json()["name"]) == (200, "Olga Berg")
    assert facts("user.updated") == [{"user": olga.pk, "fields": ["display_name", "time_zone"]}]


def test_the_same_values_state_no_fact(api, olga):
    assert api(olga).patch(ME, {"display_name": "Olga", "language": "en"}, format="json").status_code == 200
    assert facts("user.updated") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"display_name": "  "}, "/display_name"),
        ({"display_name": "x" * 101}, "/display_name"),
        ({"display_name": "a\x00b"}, "/display_name"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"language": "xx-klingon"}, "/language"),
        ({"email": "a@b.example"}, "/email"),
        ({"is_staff": True}, "/is_staff"),
        ({"password": "x"}, "/password"),
        ({"id": 7}, "/id"),
    ],
)
def test_a_wrong_or_a_foreign_field_is_named_and_nothing_changes(api, olga, body, pointer):
    answer = api(olga).patch(ME, body, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert facts("user.updated") == [] and not User.objects.get().is_staff


# Leaving


def test_leaving_ends_sign_ins_and_tokens_and_moves_the_epoch(api, olga):
    client, other = api(olga), make_session(olga)
    create_token(actor=olga, wish=Wish("script", "read", 30))

    answer = client.post(f"{ME}deactivate/", {"current_password": PASSWORD}, format="json")

    assert answer.status_code == 204 and client.get(ME).status_code == 401
    user = User.objects.get()
    assert not user.is_active and user.access_epoch == 1
    assert not Session.objects.filter(ended_at=None).exists() and other.user_id == olga.pk
    assert [name for _, name in types_of(olga)][-4:] == [
        "user.signed_out",
        "user.signed_out",
        "token.revoked",
        "user.deactivated",
    ]
    assert user.display_name == "Olga"
    assert [version for version, _ in types_of(olga)] == list(range(1, user.version + 1))


def test_leaving_takes_the_password(api, olga):
    answer = api(olga).post(f"{ME}deactivate/", {"current_password": "wrong"}, format="json")

    assert answer.status_code == 400 and User.objects.get().is_active


def test_the_last_owner_of_a_team_can_t_leave_altogether_either(api, olga):
    team = make_team(olga, member=make_user("ben"))

    answer = api(olga).post(f"{ME}deactivate/", {"current_password": PASSWORD}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner") and User.objects.get(
        pk=olga.pk
    ).is_active
    change_member_role(
        actor=olga, team_id=team.pk, user_id=TeamMember.objects.exclude(user=olga).get().user_id, role="owner"
    )
    deactivate_user(actor=olga, user_id=olga.pk)


def test_an_owner_who_was_deactivated_does_not_count_as_one(olga):
    ben = make_user("ben")
    team = make_team(olga)
    add_team_member(actor=olga, team_id=team.pk, user_id=ben.pk, role="owner")
    deactivate_user(actor=ben, user_id=ben.pk)

    with pytest.raises(LastOwner):
        deactivate_user(actor=olga, user_id=olga.pk)


def test_operators_end_and_restore_anybody_s_access_and_others_see_nobody(olga):
    staff, ben = make_user("stefan", is_staff=True), make_user("ben")
    with pytest.raises(NotFound):
        deactivate_user(actor=ben, user_id=olga.pk)

    deactivate_user(actor=staff, user_id=olga.pk)
    deactivate_user(actor=staff, user_id=olga.pk)
    assert len(facts("user.deactivated")) == 1
    with pytest.raises(NotFound):
        reactivate_user(actor=ben, user_id=olga.pk)
    assert reactivate_user(actor=staff, user_id=olga.pk).is_active
    assert facts("user.reactivated") == [{"user": olga.pk}]
