"""The errors this service answers with: RFC 9457 problem details, each with a stable `code`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel


class FieldProblem(BaseModel):
    """What is wrong with one parameter; `pointer` is a JSON pointer into the query's parameters."""

    pointer: str
    detail: str
    code: str


class Problem(BaseModel):
    """An error as it goes out, as application/problem+json, in the shape of Django's API; `errors` for parameters."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem] | None = None


class AnalyticsError(Exception):
    """A request can't be answered; `detail` says why and how to mend it."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(self, detail: str = "", *, fields: list[FieldProblem] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.fields = fields or []


class InvalidParameters(AnalyticsError):
    code = "invalid"
    status = 400
    title = "Some values need another look"


class NotSignedIn(AnalyticsError):
    code = "not_signed_in"
    status = 401
    title = "Send an access token: Authorization: Bearer TOKEN"


class TokenInvalid(AnalyticsError):
    code = "token_invalid"
    status = 401
    title = "This is no access token of this Daybook. Sign in again for another"


class TokenExpired(AnalyticsError):
    code = "token_expired"
    status = 401
    title = "This access token has expired. Refresh it"


class UnknownSigner(AnalyticsError):
    code = "unknown_signing_key"
    status = 401
    title = (
        "The key that signed this token is not known here (yet). Try again in a few seconds or sign in again"
    )


class SessionEnded(AnalyticsError):
    """The session has ended or expired, or the person is no longer active."""

    code = "session_ended"
    status = 401
    title = "This session has ended. Sign in again"


class NotFound(AnalyticsError):
    """Absent, or invisible to the reader: the answer is the same."""

    code = "not_found"
    status = 404
    title = "There is nothing here"


class KeysUnavailable(AnalyticsError):
    code = "keys_unavailable"
    status = 503
    title = "The keys that verify tokens have not been read yet. Try again in a few seconds"


class DatabaseUnavailable(AnalyticsError):
    code = "database_unavailable"
    status = 503
    title = "The database doesn't answer just now. Try again in a few seconds"


class TooSlow(AnalyticsError):
    code = "too_slow"
    status = 503
    title = "These figures took too long. Ask for one team or one project"
