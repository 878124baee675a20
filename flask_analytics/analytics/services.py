"""What one process holds for all requests: configuration, database pool, signing keys, cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, current_app

from analytics.auth.keys import SigningKeys
from analytics.cache import AnswerCache
from analytics.config import Config
from analytics.database import Pool, open_pool

EXTENSION = "analytics"


@dataclass(frozen=True, slots=True)
class Services:
    config: Config
    pool: Pool
    keys: SigningKeys
    cache: AnswerCache

    @classmethod
    def start(cls, config: Config) -> Services:
        """Open everything; each part connects in the background and is not waited for."""
        keys = SigningKeys(config.jwks_url, host=urlsplit(config.issuer).netloc)
        keys.start()
        return cls(config, open_pool(config.database_url), keys, AnswerCache(config.cache_url))

    def attach(self, app: Flask) -> None:
        app.extensions[EXTENSION] = self

    def stop(self) -> None:
        self.keys.stop()
        self.cache.close()
        self.pool.close()


def services() -> Services:
    """Those of the application that serves this request."""
    return cast(Services, current_app.extensions[EXTENSION])
