"""Structured logs: one JSON object a line on stderr, with ids and codes, never with what an event says."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(level: str, program: str) -> None:
    """For the whole process. `program` stands in every line."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s", force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lambda _logger, _method, line: {"program": program, **line},
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
