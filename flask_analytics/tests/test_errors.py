"""Every error is RFC 9457 problem details with a code, and nothing else."""

import pytest

from analytics.routes import dashboard


def assert_problem(response, status, code):
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    problem = response.get_json()
    assert set(problem) - {"errors"} == {"type", "title", "status", "code", "detail"}
    assert (problem["status"], problem["code"], problem["type"]) == (
        status,
        code,
        f"urn:daybook:problem:{code}",
    )


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/analytics", "/api/v1/analytics/", "/api/v1/analytics/nothing"]
)
def test_an_unknown_address_is_404(client, path):
    assert_problem(client.get(path), 404, "not_found")


def test_a_method_that_is_not_there_is_405_and_names_those_that_are(client):
    response = client.post("/api/v1/analytics/dashboard")
    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "query",
    [
        {"team": "x"},
        {"team": "0"},
        {"project": "-1"},
        {"project": str(2**63)},
        {"team": ""},
        {"projekt": "1"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_400_and_named(ask, world, query):
    response = ask(world.person("alice"), **query)
    assert_problem(response, 400, "invalid")
    assert [error["pointer"] for error in response.get_json()["errors"]] == [f"/{next(iter(query))}"]


def test_who_is_not_signed_in_is_told_so_before_anything_else(client):
    assert_problem(client.get("/api/v1/analytics/dashboard?team=x"), 401, "not_signed_in")


def test_a_bug_is_500_without_its_reason(ask, world, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("a secret of the code")

    monkeypatch.setattr(dashboard, "find_position", fail)
    response = ask(world.person("alice"))
    assert_problem(response, 500, "internal_error")
    assert "secret" not in response.text


def test_every_answer_carries_a_request_id_and_is_kept_by_nobody(client):
    response = client.get("/api/v1/analytics/nothing", headers={"X-Request-ID": "abc-1"})
    assert response.headers["X-Request-ID"] == "abc-1"
    assert response.headers["Cache-Control"] == "private, no-store"


def test_a_request_id_that_could_forge_a_log_line_is_replaced(client):
    response = client.get("/api/v1/analytics/nothing", headers={"X-Request-ID": 'x" "forged'})
    assert "forged" not in response.headers["X-Request-ID"]


def test_the_api_describes_itself_in_openapi_3_1(client):
    document = client.get("/api/v1/analytics/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    assert {"/api/v1/analytics/healthz", "/api/v1/analytics/dashboard"} == set(document["paths"])
    operation = document["paths"]["/api/v1/analytics/dashboard"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["team", "project"]
    assert operation["security"] == [{"bearer": []}]
