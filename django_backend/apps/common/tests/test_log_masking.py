"""No line of the log carries what opens an account."""

import pytest

from config.log_masking import masked

SECRET = "Q7mvR4tXw9sLk3HnBz8YcPeQ7mvR4tXw9sLk3HnBz8"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (f"GET /reset-password/{SECRET}/", "GET /reset-password/***/"),
        (f"Not Found: /set-up/{SECRET}/", "Not Found: /set-up/***/"),
        (f"/sign-in/?next=/invitations/{SECRET}/", "/sign-in/?next=/invitations/***/"),
        (f"GET /ws/?ticket={SECRET}&x=1", "GET /ws/?ticket=***&x=1"),
        (f"Bearer dbk_{SECRET}", "Bearer dbk_***"),
        (f"eyJhbGciOi.{SECRET}.{SECRET}", "jwt ***"),
        ("POST /api/invitations/accept/", "POST /api/invitations/accept/"),
        ("GET /tasks/OPS-7/", "GET /tasks/OPS-7/"),
    ],
)
def test_secrets_are_masked_and_all_else_is_kept(said, written):
    assert masked({"request": said, "deep": [{"also": said}], "n": 7}) == {
        "request": written,
        "deep": [{"also": written}],
        "n": 7,
    }
