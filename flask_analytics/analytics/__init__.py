"""The analytics service: figures over the facts that the stream's analytics consumer wrote, for who may see them."""

from __future__ import annotations

import sys
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.openapi import OpenAPI

from analytics import errors, logs, responses
from analytics.config import Config, read_config
from analytics.problems import Problem
from analytics.routes import api_description, dashboard, health
from analytics.services import Services
from tms_events.environment import ConfigurationError

PREFIX = "/api/v1/analytics"
BEARER: dict[str, SecurityScheme | dict[str, Any]] = {
    "bearer": SecurityScheme(type="http", scheme="bearer", bearerFormat="JWT")
}


def create_app(config: Config | None = None) -> OpenAPI:
    """The WSGI application; reads the environment unless a configuration is given.

    It starts threads and opens a pool, so it must be made in the process that serves (no gunicorn --preload).
    """
    config = config or config_or_exit()
    logs.configure(config.log_level)
    app = OpenAPI(
        "analytics",
        info=Info(title="Daybook analytics", version="1.0.0"),
        security_schemes=BEARER,
        validation_error_status=400,
        validation_error_model=Problem,
        validation_error_callback=errors.refuse_parameters,
        doc_ui=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    Services.start(config).attach(app)
    errors.register(app)
    responses.register(app)
    for room in (health, dashboard, api_description):
        app.register_api(room.make_api(PREFIX))
    return app


def config_or_exit() -> Config:
    """The environment's configuration; where it makes no sense, one sentence on stderr and exit status 2."""
    try:
        return read_config()
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(2) from None
