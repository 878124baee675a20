"""What was refused is written down for the audit, and costs no write when somebody tries it again and again."""

import pytest

from apps.users.models import RateLimit
from apps.users.tests.events import facts
from apps.users.tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def test_a_refusal_of_the_api_becomes_a_fact_without_ids(api, cast):
    client = api(cast.member)
    path = f"/api/teams/{cast.team.pk}/invitations/"

    assert client.post(path, {"role": "guest"}, format="json").status_code == 403

    (fact,) = facts("user.access_denied")
    assert (fact["user"], fact["code"], fact["method"]) == (cast.member.pk, "forbidden", "POST")
    assert fact["route"] == "api/teams/<int:team_id>/invitations/"


def test_the_same_refusal_is_told_of_once_in_ten_minutes(api, cast, django_assert_num_queries):
    client = api(cast.member)
    path = f"/api/teams/{cast.team.pk}/invitations/"
    client.get(path)
    rows = RateLimit.objects.count()

    for _ in range(5):
        assert client.get(path).status_code == 403
    with django_assert_num_queries(4) as queries:
        client.get(path)

    assert len(facts("user.access_denied")) == 1 and RateLimit.objects.count() == rows
    assert all(query["sql"].strip().startswith("SELECT") for query in queries)


def test_a_page_that_is_refused_is_told_of_too(browser):
    mina = make_user("mina")

    assert browser(mina).get("/admin/").status_code == 302
    assert browser(mina).get("/admin/", follow=True).status_code == 403

    assert [fact["user"] for fact in facts("user.access_denied")] == [mina.pk]


def test_strangers_and_absent_things_are_not_told_of(api, cast):
    api().get("/api/teams/")
    api(cast.outsider).get(f"/api/teams/{cast.team.pk}/members/")
    make_team(cast.outsider)

    assert facts("user.access_denied") == []
