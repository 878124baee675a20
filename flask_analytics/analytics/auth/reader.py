"""The person a request comes from, as the live session has it now."""

from __future__ import annotations

from flask import g, request

from analytics.auth import tokens
from analytics.problems import SessionEnded
from analytics.queries.readers import Reader, find_reader
from analytics.services import services


def authenticate() -> None:
    """Runs before every view of a blueprint that asks for a token; puts the reader where `current_reader` finds it."""
    here = services()
    token = tokens.bearer_token(request.headers.get("Authorization"))
    claims = tokens.verify(token, keys=here.keys, issuer=here.config.issuer)
    with here.pool.connection() as connection:
        reader = find_reader(connection, claims.sid, claims.sub)
    if reader is None:
        raise SessionEnded
    g.reader = reader


def current_reader() -> Reader:
    reader: Reader = g.reader  # an AttributeError, and so a 500, where a view forgot to ask for a token
    return reader
