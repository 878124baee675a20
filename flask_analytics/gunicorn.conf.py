"""gunicorn reads this by itself when it starts in this folder; the command line names address, worker and threads."""

import os
import sys
from typing import Any

from analytics import config_or_exit
from analytics.logs import logging_tree


def on_starting(server: Any) -> None:
    """Check the configuration before any worker: a worker that exits is started again, for ever."""
    config_or_exit()


graceful_timeout = 10
timeout = 30
keepalive = 5
limit_request_line = 4094
control_socket_disable = True
# Heartbeat files belong in memory: on a slow disk a worker is taken for dead.
worker_tmp_dir = "/dev/shm" if sys.platform == "linux" and os.access("/dev/shm", os.W_OK) else None
# gunicorn lays this over a tree of its own, whose root names a handler that is no longer there.
logconfig_dict = {
    **logging_tree("INFO", "gunicorn.error"),
    "root": {"handlers": ["json"], "level": "INFO"},
}
