"""Django's answers to the list of tokens that the analytics service answers too."""

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from apps.common.auth.keys import load_keys
from apps.users.tests.factories import make_session, make_user
from tms_testing.token_cases import CASES, Forge

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def stranger():
    return generate_private_key(public_exponent=65537, key_size=3072)


@pytest.fixture
def forge(stranger):
    keys = load_keys()
    mine, other = make_session(make_user("olga")), make_session(make_user("ben"))
    return Forge(
        kid=keys.signing_kid,
        private=keys.private,
        stranger=stranger,
        issuer="http://127.0.0.1:8000",
        sub=mine.user.public_id,
        sid=mine.sid,
        other_sub=other.user.public_id,
        other_sid=other.sid,
    )


def test_there_are_at_least_sixty_cases_with_names_of_their_own():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_token_is_taken_or_refused_with_401_and_its_code(api, forge, case):
    answer = api().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {case.make(forge)}")

    if not case.codes:
        assert (answer.status_code, answer.json()["username"]) == (200, "olga")
        return
    assert answer.status_code == 401 and answer.json()["code"] in case.codes
    assert answer["WWW-Authenticate"] == 'Bearer realm="daybook"'
    assert answer["Content-Type"] == "application/problem+json"
