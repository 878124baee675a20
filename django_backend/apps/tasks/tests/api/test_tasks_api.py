"""The REST door: shapes, codes, ETags, idempotency, pages."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.models import EventRow
from apps.tasks.models import Comment, Task
from apps.tasks.services.comments import add_comment
from apps.tasks.services.tasks import create_task

pytestmark = pytest.mark.django_db

LIST_QUERIES = 3  # the session with its person; the page; its assignees with their names


@pytest.fixture
def task(cast):
    return create_task(actor=cast.member, title="Print the door list", project_id=cast.project.pk)


def post(client, path, body, **headers):
    return client.post(path, body, format="json", headers=headers)


def test_a_created_task_comes_back_with_its_address_and_etag(cast, api):
    answer = post(api(cast.member), "/api/tasks/", {"title": "New", "project": cast.project.pk})
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/tasks/{answer.data['id']}/"
    assert answer["ETag"] == '"1"'
    assert answer.data["key"] == "OPS-1"
    assert answer.data["status"]["category"] == "todo"


def test_a_field_that_is_not_known_is_refused_and_writes_nothing(cast, api):
    answer = post(api(cast.member), "/api/tasks/", {"title": "New", "creator": cast.owner.pk})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"] == [
        {"pointer": "/creator", "detail": "There is no such field.", "code": "unknown_field"}
    ]
    assert Task.objects.count() == 0


def test_the_same_key_with_the_same_body_replays_the_same_task(cast, api):
    client = api(cast.member)
    answers = [post(client, "/api/tasks/", {"title": "Once"}, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data["id"] == answers[1].data["id"]
    assert Task.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(cast, api):
    client = api(cast.member)
    post(client, "/api/tasks/", {"title": "Once"}, **{"Idempotency-Key": "k-1"})
    answer = post(client, "/api/tasks/", {"title": "Twice"}, **{"Idempotency-Key": "k-1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_belongs_to_the_person_who_sent_it(cast, api):
    for person in (cast.member, cast.admin):
        assert (
            post(api(person), "/api/tasks/", {"title": "Own"}, **{"Idempotency-Key": "k-1"}).status_code
            == 201
        )
    assert Task.objects.count() == 2


def test_a_refused_command_keeps_no_key(cast, api, task):
    client = api(cast.member)
    path, key = f"/api/tasks/{task.pk}/", {"Idempotency-Key": "k-2"}
    refused = client.patch(path, {"title": ""}, format="json", headers=key)
    accepted = client.patch(path, {"title": "Good"}, format="json", headers=key)
    assert (refused.status_code, accepted.status_code) == (400, 200)


def test_the_key_is_looked_at_before_if_match(cast, api, task):
    client = api(cast.member)
    headers = {"Idempotency-Key": "k-3", "If-Match": '"1"'}
    answers = [
        client.patch(f"/api/tasks/{task.pk}/", {"title": "Newer"}, format="json", headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]


def test_put_without_if_match_is_refused(cast, api, task):
    answer = api(cast.member).put(
        f"/api/tasks/{task.pk}/", {"title": "Whole", "status": task.status_id}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")


def test_if_match_that_is_no_tag_of_ours_is_refused(cast, api, task):
    answer = api(cast.member).patch(
        f"/api/tasks/{task.pk}/", {"title": "X"}, format="json", headers={"If-Match": 'W/"1"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_if_match")


def test_a_clash_answers_with_both_values(cast, api, task):
    path = f"/api/tasks/{task.pk}/"
    api(cast.member).patch(path, {"title": "By Mina", "base": 1}, format="json")
    answer = api(cast.admin).patch(path, {"title": "By Adam", "base": 1}, format="json")
    assert answer.status_code == 409
    assert answer.json()["conflicts"] == {"title": {"yours": "By Adam", "theirs": "By Mina"}}


def test_an_invisible_task_answers_exactly_like_an_absent_one(cast, api, task):
    client = api(cast.outsider)
    calls = [
        lambda i: client.get(f"/api/tasks/{i}/"),
        lambda i: client.patch(f"/api/tasks/{i}/", {"title": "X"}, format="json"),
        lambda i: client.put(f"/api/tasks/{i}/", {"title": "X", "status": 1}, format="json"),
        lambda i: client.post(f"/api/tasks/{i}/status/", {"status": 1}, format="json"),
        lambda i: client.post(f"/api/tasks/{i}/assign/", {"user": 1}, format="json"),
        lambda i: client.post(f"/api/tasks/{i}/unassign/", {"user": 1}, format="json"),
        lambda i: client.get(f"/api/tasks/{i}/comments/"),
        lambda i: client.post(f"/api/tasks/{i}/comments/", {"body": "X"}, format="json"),
        lambda i: client.get(f"/api/tasks/{i}/history/"),
    ]
    for call in calls:
        invisible, absent = call(task.pk), call(10**9)
        assert (invisible.status_code, invisible.content) == (absent.status_code, absent.content)
        assert invisible.status_code == 404


def test_a_guest_who_may_not_change_is_told_so_with_a_code(cast, api, task):
    answer = api(cast.guest).patch(f"/api/tasks/{task.pk}/", {"title": "X"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_without_a_token_nothing_is_read(api, task):
    answer = api().get("/api/tasks/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_comments_by_api_are_added_edited_and_deleted(cast, api, task):
    client = api(cast.guest)
    path = f"/api/tasks/{task.pk}/comments/"
    added = post(client, path, {"body": "**Bold** <script>"})
    assert (added.status_code, added.data["body_html"]) == (
        201,
        "<p><strong>Bold</strong> &lt;script&gt;</p>\n",
    )
    edited = client.patch(f"{path}{added.data['id']}/", {"body": "Plain"}, format="json")
    assert (edited.status_code, edited.data["body"]) == (200, "Plain")
    assert client.delete(f"{path}{added.data['id']}/").status_code == 204
    assert Comment.objects.get().body == ""


def test_pages_hold_every_row_once(cast, api):
    for number in range(7):
        create_task(actor=cast.member, title=f"Task {number}", project_id=cast.project.pk)
    client, seen, address = api(cast.member), [], "/api/tasks/?limit=3"
    while address:
        answer = client.get(address)
        seen += [row["title"] for row in answer.data["results"]]
        address = answer.data["next"]
    assert seen == [f"Task {number}" for number in reversed(range(7))]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=e30", "limit=0", "limit=x", "status=a", "open=maybe"])
def test_a_parameter_that_makes_no_sense_is_refused(cast, api, query):
    assert api(cast.member).get(f"/api/tasks/?{query}").status_code == 400


@pytest.mark.parametrize("amount", [3, 20])
def test_a_list_costs_the_same_queries_however_long_it_is(cast, api, amount):
    for number in range(amount):
        create_task(
            actor=cast.member, title=f"T{number}", project_id=cast.project.pk, assignee_ids=[cast.admin.pk]
        )
    client = api(cast.member)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(client.get("/api/tasks/").data["results"]) == amount
    assert len(queries) == LIST_QUERIES, [query["sql"] for query in queries]


def test_filters_combine(cast, api, task):
    create_task(actor=cast.member, title="Other", project_id=cast.project.pk, priority="urgent")
    answer = api(cast.member).get(
        f"/api/tasks/?priority=urgent&priority=high&project={cast.project.pk}&open=1&q=oth"
    )
    assert [row["title"] for row in answer.data["results"]] == ["Other"]


def test_history_reads_who_when_from_and_to(cast, api, task):
    client = api(cast.member)
    client.patch(f"/api/tasks/{task.pk}/", {"priority": "high"}, format="json")
    rows = client.get(f"/api/tasks/{task.pk}/history/").data["results"]
    assert [(row["type"], row["actor"], row["old"], row["new"]) for row in rows] == [
        ("task.created", cast.member.pk, None, {"title": "Print the door list"}),
        ("task.priority_changed", cast.member.pk, "medium", "high"),
    ]


def test_an_unknown_api_address_answers_with_a_problem(api):
    answer = api().get("/api/nothing/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_comment_on_the_task_is_told_to_nobody_else(cast, api, task):
    add_comment(actor=cast.member, task_id=task.pk, body="Here")
    assert EventRow.objects.filter(type="comment.added").get().topic == "task-events"


CURSORS = [
    '[["-created_at","-id"],[5,1]]',
    '[["-created_at","-id"],["x",1]]',
    '[["-created_at","-id"],[{"at":"2026-11-24T09:00:00"},1]]',
    '[["-created_at","-id"],[{"at":"2026-11-24T09:00:00+00:00"},"x"]]',
    '[["-created_at","-id"],[null,null]]',
    '[["-created_at"],[1]]',
    "[" * 5000,
]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_somebody_made_up_is_refused(cast, api, cursor):
    import base64

    text = base64.urlsafe_b64encode(cursor.encode()).rstrip(b"=").decode()
    answer = api(cast.member).get("/api/tasks/", {"cursor": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "body",
    [
        '{"\\ud800": 1}',
        '{"priority": "\\ud800"}',
        '{"title": "\\ud800"}',
        '{"title": ' + "[" * 3000 + "]" * 3000 + "}",
        '{"title": NaN}',
        "{",
    ],
)
def test_a_body_that_nothing_here_could_store_or_read_is_refused(cast, api, task, body):
    answer = api(cast.member).patch(f"/api/tasks/{task.pk}/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["limit=" + "9" * 5000, "status=" + "9" * 5000])
def test_a_number_longer_than_any_id_is_refused(cast, api, query):
    assert api(cast.member).get(f"/api/tasks/?{query}").status_code == 400


def test_who_leaves_a_personal_task_is_told_that_it_is_done(cast, api):
    personal = create_task(actor=cast.admin, title="Between us", assignee_ids=[cast.member.pk])
    client, headers = api(cast.member), {"Idempotency-Key": "k-9"}
    path, body = f"/api/tasks/{personal.pk}/unassign/", {"user": cast.member.pk}
    answers = [client.post(path, body, format="json", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert not personal.assignments.exists()
