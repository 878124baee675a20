"""Turns every error into problem details; nothing leaves as HTML or with a stack trace."""

from __future__ import annotations

from http import HTTPStatus
from typing import NoReturn

import psycopg
import structlog
from flask import Flask, Response
from psycopg_pool import PoolTimeout
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from analytics.problems import (
    AnalyticsError,
    DatabaseUnavailable,
    FieldProblem,
    InvalidParameters,
    NotSignedIn,
    Problem,
    TooSlow,
)

log = structlog.get_logger(__name__)
CODES = {404: "not_found", 405: "method_not_allowed"}
INTERNAL = "Something went wrong here. It has been logged; the X-Request-ID header names it."


def register(app: Flask) -> None:
    app.register_error_handler(AnalyticsError, answer_error)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(psycopg.errors.QueryCanceled, answer_too_slow)
    app.register_error_handler(psycopg.OperationalError, answer_no_database)
    app.register_error_handler(PoolTimeout, answer_no_database)
    app.register_error_handler(Exception, answer_bug)


def refuse_parameters(problem: ValidationError) -> NoReturn:
    """What flask-openapi3 calls when a parameter doesn't fit its type."""
    fields = [
        FieldProblem(
            pointer="/" + "/".join(str(step) for step in each["loc"]), detail=each["msg"], code=each["type"]
        )
        for each in problem.errors(include_url=False, include_input=False)
    ]
    raise InvalidParameters(fields=fields)


def answer_error(error: AnalyticsError) -> Response:
    response = problem_response(error.status, error.code, error.title, error.detail, error.fields)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = _challenge(error)
    if error.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _challenge(error: AnalyticsError) -> str:
    """RFC 6750: a request without a token is told of no error."""
    realm = 'Bearer realm="daybook"'
    return realm if isinstance(error, NotSignedIn) else f'{realm}, error="invalid_token"'


def answer_http(error: HTTPException) -> Response:
    """404 of an unknown address, 405 of a method, and whatever else the framework itself refuses."""
    status = error.code or 500
    phrase = HTTPStatus(status).phrase
    response = problem_response(status, CODES.get(status, phrase.lower().replace(" ", "_")), phrase, phrase)
    # Allow, Retry-After and the like come from the exception; its body and type are ours.
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def answer_too_slow(error: psycopg.errors.QueryCanceled) -> Response:
    log.warning("query_cancelled", reason=str(error).splitlines()[0])
    return answer_error(TooSlow())


def answer_no_database(error: Exception) -> Response:
    # Only the kind is logged: connection errors may quote the address.
    log.warning("database_unavailable", kind=type(error).__name__)
    return answer_error(DatabaseUnavailable())


def answer_bug(error: Exception) -> Response:
    log.error("unhandled_error", exc_info=error)
    return problem_response(500, "internal_error", "Internal Server Error", INTERNAL)


def problem_response(
    status: int, code: str, title: str, detail: str, fields: list[FieldProblem] | None = None
) -> Response:
    problem = Problem(
        type=f"urn:daybook:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        errors=fields or None,
    )
    return Response(
        problem.model_dump_json(exclude_none=True), status=status, mimetype="application/problem+json"
    )
