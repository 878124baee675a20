"""Who may do what in the database: one table, applied after every migration and checked by a test.

Group roles hold the rights; login users (one per program) are members of one group each. Nobody but the redactor
may change an event, and nobody at all may delete one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

WEB = "daybook_web"
RELAY = "daybook_relay"
CONSUMERS = "daybook_consumers"
ANALYTICS = "daybook_analytics"
REDACTOR = "daybook_redactor"
GROUP_ROLES = (WEB, RELAY, CONSUMERS, ANALYTICS, REDACTOR)

LOG_TABLES = (
    "event",
    "event_pending",
    "event_order",
    "sequencer",
    "event_published",
    "consumer_position",
    "consumer_member",
    "event_redaction",
    "dead_letter",
)
PROJECTIONS = (
    "activity",
    "notification",
    "analytics_task",
    "analytics_event",
    "analytics_assignment",
)
APPEND_ONLY_DOMAIN = ("history",)
ACCESS_VIEWS = ("project_access", "live_session")
ALL_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True)
class Grant:
    """`role` gets `rights` on `tables`; nothing that is not listed is granted."""

    role: str
    rights: str
    tables: tuple[str, ...]


# The domain's tables (all others in the schema) belong to the web in full; see `apply_grants`.
GRANTS = (
    Grant(WEB, "SELECT", (*LOG_TABLES, *PROJECTIONS, *ACCESS_VIEWS)),
    Grant(WEB, "INSERT", ("event", "event_pending", "event_redaction")),
    Grant(WEB, "SELECT, INSERT", APPEND_ONLY_DOMAIN),
    Grant(
        RELAY,
        "SELECT",
        ("event", "event_pending", "event_order", "sequencer", "event_published"),
    ),
    Grant(RELAY, "DELETE", ("event_pending",)),
    Grant(RELAY, "INSERT", ("event_order",)),
    Grant(RELAY, "UPDATE", ("sequencer", "event_published")),
    # Pending rows and redactions for `verify log`: what has no seq yet, and whose digest may differ.
    Grant(
        CONSUMERS,
        "SELECT",
        ("event", "event_pending", "event_order", "sequencer", "event_published", "event_redaction"),
    ),
    Grant(CONSUMERS, "INSERT", ("event", "event_pending")),
    Grant(
        CONSUMERS,
        ALL_RIGHTS,
        (*PROJECTIONS, "consumer_position", "consumer_member", "dead_letter"),
    ),
    Grant(
        ANALYTICS,
        "SELECT",
        (
            "analytics_task",
            "analytics_event",
            "analytics_assignment",
            "consumer_position",
            *ACCESS_VIEWS,
        ),
    ),
    Grant(ANALYTICS, "INSERT", ("event", "event_pending")),
    Grant(REDACTOR, "SELECT, UPDATE (payload)", ("event",)),
    Grant(REDACTOR, "INSERT", ("event_redaction",)),
    # What history shows of a text is taken away with the event's.
    Grant(REDACTOR, "SELECT, UPDATE (old), UPDATE (new)", ("history",)),
)


def ensure_group_roles(cursor: CursorWrapper) -> None:
    """Make the group roles that are missing. Needs CREATEROLE."""
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(GROUP_ROLES)])
    present = {row[0] for row in cursor.fetchall()}
    for role in GROUP_ROLES:
        if role not in present:
            cursor.execute(f"CREATE ROLE {role} NOLOGIN")


def domain_tables(cursor: CursorWrapper) -> list[str]:
    """Every ordinary table that is neither the log's nor derived nor append-only: the web's own."""
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
    special = {*LOG_TABLES, *PROJECTIONS, *APPEND_ONLY_DOMAIN, "django_migrations"}
    return [row[0] for row in cursor.fetchall() if row[0] not in special]


def apply_grants(cursor: CursorWrapper) -> None:
    """Take every right back and grant what the table above says. Idempotent; one transaction of the caller's."""
    roles = ", ".join(GROUP_ROLES)
    cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {roles}")
    cursor.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {roles}")
    cursor.execute(f"GRANT USAGE ON SCHEMA public TO {roles}")
    cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WEB}, {CONSUMERS}, {ANALYTICS}")
    cursor.execute(f"GRANT SELECT ON django_migrations TO {WEB}")
    for table in domain_tables(cursor):
        cursor.execute(f'GRANT {ALL_RIGHTS} ON "{table}" TO {WEB}')
    for grant in GRANTS:
        for table in grant.tables:
            cursor.execute(f'GRANT {grant.rights} ON "{table}" TO {grant.role}')


def rights_held(cursor: CursorWrapper) -> list[tuple[Any, ...]]:
    """(role, table, privilege) of every group role as the catalogue has it; for the test and for `doctor`."""
    cursor.execute(
        "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = ANY(%s) ORDER BY 1, 2, 3",
        [list(GROUP_ROLES)],
    )
    return list(cursor.fetchall())
