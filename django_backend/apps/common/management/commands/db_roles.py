"""Makes the login user of each program and puts it into its group role."""

from __future__ import annotations

import os
from typing import Any

import environ
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction
from django.db.utils import ProgrammingError
from psycopg import sql

from apps.common.roles import ANALYTICS, CONSUMERS, RELAY, WEB, ensure_group_roles
from tms_events.environment import Environment

LOGIN_URLS = {
    "WEB_DATABASE_URL": WEB,
    "RELAY_DATABASE_URL": RELAY,
    "CONSUMERS_DATABASE_URL": CONSUMERS,
    "ANALYTICS_DATABASE_URL": ANALYTICS,
}


def login_statements(database: str) -> list[sql.Composed]:
    """The SQL that makes each login user that the environment names; passwords come from the URLs."""
    reader = Environment(os.environ)
    statements = [sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))]
    for variable, group in LOGIN_URLS.items():
        url = reader.optional(variable)
        if url is None:
            continue
        parts = environ.Env.db_url_config(url)
        user, password = parts["USER"], parts["PASSWORD"]
        if not user or not password:
            raise CommandError(
                f"{variable} names no user and password. Write it as postgres://USER:PASSWORD@HOST/DB."
            )
        login, name = sql.Identifier(user), sql.Literal(user)
        statements += [
            sql.SQL(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN CREATE ROLE {} LOGIN; "
                "END IF; END $$"
            ).format(name, login),
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(login, sql.Literal(password)),
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), login),
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), login),
        ]
    return statements


class Command(BaseCommand):
    help = (
        "Makes the database's group roles and the login users that the four role URLs name. Safe to repeat."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if "owner" not in connections:
            raise CommandError("DATABASE_URL is not set: making roles needs the address of the owner's role.")
        owner = connections["owner"]
        statements = login_statements(str(owner.settings_dict["NAME"]))
        try:
            with transaction.atomic(using="owner"), owner.cursor() as cursor:
                ensure_group_roles(cursor)
                for statement in statements:
                    cursor.execute(statement)
        except ProgrammingError as problem:
            if "permission denied" not in str(problem) and "must have" not in str(problem):
                raise
            printed = ";\n".join(s.as_string(None) for s in statements)
            raise CommandError(
                f"The owner's role may not make roles ({problem}). "
                f"Give it CREATEROLE, or have an administrator run:\n{printed};"
            ) from problem
        self.stdout.write("Database roles are in place.")
