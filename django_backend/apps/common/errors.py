"""The errors of the domain: each with a stable code and the HTTP status that every door gives it."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Something a caller did can't be done.

    `fields` maps a field's name to its messages; `extra` goes out beside them.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "This can't be done"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        fields: dict[str, list[str]] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.problem_code = code or self.code
        self.fields = fields or {}
        self.extra = extra or {}


class Invalid(DomainError):
    """The values given do not make sense; `fields` says which."""

    code = "invalid"
    status = 400
    title = "Some values need another look"


class NotSignedIn(DomainError):
    code = "not_signed_in"
    status = 401
    title = "Sign in first"


class Forbidden(DomainError):
    """The object is visible, the act is not allowed."""

    code = "forbidden"
    status = 403
    title = "You may not do this here"


class NotFound(DomainError):
    """Absent, or invisible to the reader: the answer is the same."""

    code = "not_found"
    status = 404
    title = "There is nothing here"


class Conflict(DomainError):
    """Somebody changed the same thing meanwhile; `extra` carries both values."""

    code = "conflict"
    status = 409
    title = "Somebody else changed this meanwhile"


class PreconditionFailed(DomainError):
    code = "precondition_failed"
    status = 412
    title = "This has changed since you read it"


class IdempotencyMismatch(DomainError):
    code = "idempotency_key_reused"
    status = 422
    title = "This key was used for another request"


class PreconditionRequired(DomainError):
    code = "precondition_required"
    status = 428
    title = "Say which version you are replacing"


class TooManyRequests(DomainError):
    """Refused for how often it was tried; `retry_after` says in how many seconds it is worth another try."""

    code = "too_many_requests"
    status = 429
    title = "That was tried too often"

    def __init__(self, *, retry_after: int, detail: str = "") -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(
            detail or f"That was tried too often. Try again in {_in_words(self.retry_after)}.",
            extra={"retry_after": self.retry_after},
        )


class Busy(DomainError):
    """A lock was not had in time; the same request, with the same key, may be sent again."""

    code = "busy"
    status = 503
    title = "Busy just now. Nothing was changed; try again"


def _in_words(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{-(-seconds // 60)} minutes"
