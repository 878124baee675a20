"""The API describes itself without gaps."""

from io import StringIO

import pytest
from django.core.management import call_command


def test_the_schema_builds_without_a_warning_and_is_valid():
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO(), stderr=StringIO())


@pytest.mark.django_db
def test_the_schema_is_open_to_everyone(client):
    answer = client.get("/api/schema/")

    assert answer.status_code == 200 and b"/api/auth/login/" in answer.content
