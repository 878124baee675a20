"""Events: the log's tables and `record`."""
