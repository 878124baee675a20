"""What the service reads from its environment, once, typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tms_events.environment import HTTP, POSTGRES, Environment

CACHE_DATABASE = 2


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says, checked. `issuer` is PUBLIC_URL without a final slash: what tokens call `iss`."""

    issuer: str
    database_url: str
    jwks_url: str
    cache_url: str
    log_level: str = "INFO"


def read_config(source: Mapping[str, str] | None = None) -> Config:
    """Read and check every variable; raises ConfigurationError."""
    given = Environment(os.environ if source is None else source)
    return Config(
        issuer=given.public_url(),
        database_url=given.url("ANALYTICS_DATABASE_URL", POSTGRES),
        jwks_url=given.url("JWKS_URL", HTTP),
        # The same Redis server as everyone's, in a database of this service's own.
        cache_url=given.redis_database(CACHE_DATABASE),
        log_level=given.log_level(),
    )
