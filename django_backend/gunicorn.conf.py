"""gunicorn reads this by itself when it starts in this folder: HTTP in compose. Sockets have daphne."""

import os
import sys

import structlog

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = 2
threads = 8
# Less than the proxy's patience, and less than the grace that compose gives a stop.
timeout = 55
graceful_timeout = 10
keepalive = 5
control_socket_disable = True
# Heartbeat files belong in memory: on a slow disk a worker is taken for dead.
worker_tmp_dir = "/dev/shm" if sys.platform == "linux" and os.access("/dev/shm", os.W_OK) else None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        }
    },
    "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["json"], "level": "INFO"},
    "loggers": {"gunicorn.error": {"handlers": ["json"], "level": "INFO", "propagate": False}},
}
