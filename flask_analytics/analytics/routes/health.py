"""GET healthz: can this process answer? Asked by the proxy and the installer, without a token; tells no secrets."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import psycopg
from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from psycopg_pool import PoolTimeout
from pydantic import BaseModel

from analytics.queries.position import find_position
from analytics.services import services

HEALTH_WAIT_S = 1.0
State = Literal["ok", "unavailable"]


class Health(BaseModel):
    """`position` is the last `seq` the analytics consumer has counted; `keys_age_s` the age of the key set."""

    status: State
    process: State
    database: State
    keys: State
    keys_age_s: float | None
    position: int | None


def make_api(prefix: str) -> APIBlueprint:
    api = APIBlueprint("health", __name__, url_prefix=prefix)

    @api.get("/healthz", summary="State of the service", responses={200: Health, 503: Health})
    def healthz() -> Response:
        health = examine()
        status = HTTPStatus.OK if health.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(health.model_dump_json(), status=status, mimetype="application/json")

    return api


def examine() -> Health:
    here = services()
    database, position = _examine_database()
    keys: State = "ok" if here.keys.are_known else "unavailable"
    age = here.keys.age_s
    return Health(
        status="ok" if database == keys == "ok" else "unavailable",
        process="ok",
        database=database,
        keys=keys,
        keys_age_s=None if age is None else round(age, 1),
        position=position,
    )


def _examine_database() -> tuple[State, int | None]:
    """A real read of a table we need: a server without our tables or grants is no database to us."""
    try:
        with services().pool.connection(timeout=HEALTH_WAIT_S) as connection:
            position = find_position(connection)
    except (psycopg.Error, PoolTimeout):
        return "unavailable", None
    return "ok", position.latest if position else None
