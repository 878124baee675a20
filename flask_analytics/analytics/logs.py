"""One JSON object a line on stderr; tokens, addresses with passwords and query results are never logged."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_tree(level: str, *loggers: str) -> dict[str, Any]:
    """A logging.config dictionary that sends these loggers to stderr as JSON; gunicorn's configuration uses it too."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {name: {"handlers": ["json"], "level": level, "propagate": False} for name in loggers},
    }


def configure(level: str) -> None:
    """Set up this service's loggers, and those of the libraries that report trouble in their threads."""
    tree = logging_tree(level, "analytics", "psycopg")
    tree["loggers"]["psycopg"]["level"] = "WARNING"  # at INFO its pool tells of every connection lent
    logging.config.dictConfig(tree)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
