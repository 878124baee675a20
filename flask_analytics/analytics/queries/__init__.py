"""Plain SQL: one function, one statement, a typed result. Only analytics_* tables and the two access views."""
