"""GET dashboard: the reader's figures, from the facts the analytics consumer wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from analytics.auth.reader import authenticate, current_reader
from analytics.cache import answer_key
from analytics.database import snapshot
from analytics.problems import Problem
from analytics.queries.dashboard import (
    DAYS,
    CategoryCount,
    DayCount,
    PriorityCount,
    Totals,
    count_by_category,
    count_by_day,
    count_by_priority,
    count_totals,
)
from analytics.queries.position import FactPosition, find_position
from analytics.scope import Scope, scope_of
from analytics.services import services

LARGEST_ID = 2**63 - 1


class Wanted(BaseModel):
    """Optional limits; both together mean that project, if it is of that team."""

    model_config = ConfigDict(extra="forbid")

    team: int | None = Field(None, ge=1, le=LARGEST_ID, description="Only this team's projects")
    project: int | None = Field(None, ge=1, le=LARGEST_ID, description="Only this project")


class Dashboard(BaseModel):
    """`position` is the `seq` up to which facts are counted (null: none yet); `as_of` when that was. Days are UTC."""

    as_of: datetime
    position: int | None
    totals: Totals
    by_category: list[CategoryCount]
    by_priority: list[PriorityCount]
    days: list[DayCount]


def make_api(prefix: str) -> APIBlueprint:
    api = APIBlueprint("dashboard", __name__, url_prefix=prefix, abp_security=[{"bearer": []}])
    api.before_request(authenticate)

    @api.get(
        "/dashboard",
        summary="Totals, categories, priorities and the last 30 days",
        responses={200: Dashboard, 400: Problem, 401: Problem, 404: Problem, 503: Problem},
    )
    def dashboard(query: Wanted) -> Response:
        return Response(answer(query), mimetype="application/json")

    return api


def answer(wanted: Wanted) -> str:
    """The dashboard as JSON, kept or computed. Rights and position are read every time, before the cache is asked."""
    here = services()
    now = datetime.now(UTC)
    with snapshot(here.pool) as connection:
        scope = scope_of(connection, current_reader(), team=wanted.team, project=wanted.project)
        position = find_position(connection)
    if position is None:
        return compute(scope, position, now)
    key = answer_key("dashboard", scope, position, now.date())
    kept = here.cache.get(key)
    if kept is not None:
        return kept
    computed = compute(scope, position, now)
    here.cache.put(key, computed)
    return computed


def compute(scope: Scope, position: FactPosition | None, now: datetime) -> str:
    """All figures as of one moment; facts that came after `position` may be counted already, never fewer."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with snapshot(services().pool) as connection:
        return Dashboard(
            as_of=now,
            position=position.latest if position else None,
            totals=count_totals(connection, scope, now),
            by_category=count_by_category(connection, scope),
            by_priority=count_by_priority(connection, scope),
            days=count_by_day(connection, scope, today - timedelta(days=DAYS - 1), today),
        ).model_dump_json()
