"""The analytics service's answers to the list of tokens that Django answers too."""

import pytest

from tms_testing.token_cases import CASES, Forge


@pytest.fixture
def forge(world, signer, other_signer):
    mine, other = world.person("alice"), world.person("boss", staff=True)
    return Forge(
        kid=signer.kid,
        private=signer.private,
        stranger=other_signer.private,
        issuer="http://127.0.0.1:8000",
        sub=mine.public_id,
        sid=mine.sid,
        other_sub=other.public_id,
        other_sid=other.sid,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_token_is_taken_or_refused_with_401_and_its_code(client, send, forge, case):
    response = send(client, case.make(forge))

    if not case.codes:
        assert response.status_code == 200
        return
    assert response.status_code == 401 and response.get_json()["code"] in case.codes
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
