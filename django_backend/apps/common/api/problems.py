"""Every error of the API in one shape: RFC 9457 problem details with a stable `code` and field errors.

`errors` holds one entry per wrong field: a JSON pointer into the request's body, the sentence, and its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common.errors import Busy, DomainError, Forbidden, Invalid, NotFound, TooManyRequests

CONTENT_TYPE = "application/problem+json"
TYPE_BASE = "urn:daybook:problem:"
LOCK_STATES = {"55P03", "40P01", "40001"}  # lock_not_available, deadlock_detected, serialization_failure


def problem_body(error: DomainError) -> dict[str, Any]:
    """The error as a problem-details object: type, title, status, code, detail, and `errors` where fields are wrong."""
    body: dict[str, Any] = {
        "type": TYPE_BASE + error.problem_code,
        "title": error.title,
        "status": error.status,
        "code": error.problem_code,
        "detail": error.detail,
    }
    if error.fields:
        body["errors"] = [
            {"pointer": _pointer(name), "detail": message, "code": error.problem_code}
            for name, messages in error.fields.items()
            for message in messages
        ]
    return body | error.extra


def problem_response(problem: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: the domain's errors and DRF's own as problem details; None leaves a 500 to Django."""
    body = _body_of(problem)
    if body is None:
        return None
    set_rollback()
    response = Response(body, status=body["status"], content_type=CONTENT_TYPE)
    if body["status"] == 401:
        response["WWW-Authenticate"] = getattr(problem, "auth_header", None) or 'Bearer realm="daybook"'
    if isinstance(problem, exceptions.Throttled) and (wait := getattr(problem, "wait", None)) is not None:
        response["Retry-After"] = str(int(wait) + 1)
    if isinstance(problem, TooManyRequests):
        response["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    if body["status"] == Busy.status:
        response["Retry-After"] = "1"
    return response


def is_lock_problem(problem: BaseException | None) -> bool:
    """True for a lock not had in time and for a deadlock: nothing was changed, the request may be repeated."""
    cause = problem.__cause__ if isinstance(problem, OperationalError) else problem
    return getattr(cause, "sqlstate", None) in LOCK_STATES


def _body_of(problem: Exception) -> dict[str, Any] | None:
    if isinstance(problem, DomainError):
        return problem_body(problem)
    if isinstance(problem, Http404):
        return problem_body(NotFound())
    if isinstance(problem, PermissionDenied):
        return problem_body(Forbidden())
    if isinstance(problem, exceptions.ValidationError):
        return {**problem_body(Invalid()), "errors": list(_field_errors(problem.get_full_details(), ""))}
    if isinstance(problem, exceptions.APIException):
        return _drf_body(problem)
    if isinstance(problem, OperationalError) and is_lock_problem(problem):
        return problem_body(Busy())
    return None


def _drf_body(problem: exceptions.APIException) -> dict[str, Any]:
    details = problem.get_full_details()
    first = (
        details
        if isinstance(details, dict) and "code" in details
        else {"code": problem.default_code, "message": ""}
    )
    code = str(first["code"])
    return {
        "type": TYPE_BASE + code,
        "title": str(problem.default_detail),
        "status": problem.status_code,
        "code": code,
        "detail": str(first["message"]) or str(problem.default_detail),
    }


def _field_errors(details: Any, pointer: str) -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details into pointers; errors of no field point at the whole body."""
    if (
        isinstance(details, dict)
        and set(details) == {"message", "code"}
        and isinstance(details["message"], str)
    ):
        yield {"pointer": pointer, "detail": details["message"], "code": str(details["code"])}
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _field_errors(
                inner, pointer if name == "non_field_errors" else pointer + _pointer(str(name))
            )
    else:
        for index, inner in enumerate(details):
            is_item = isinstance(inner, dict) and "message" not in inner
            yield from _field_errors(inner, f"{pointer}/{index}" if is_item else pointer)


def _pointer(name: str) -> str:
    """RFC 6901 escaping."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def plain_problem(error: DomainError) -> JsonResponse:
    """For answers outside DRF: unknown API paths and server errors."""
    return JsonResponse(problem_body(error), status=error.status, content_type=CONTENT_TYPE)


def is_api_path(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/.well-known/"))
