"""`migrate`, as the owner of the tables, with the roles before it and the grants after it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections, transaction

from apps.common.roles import apply_grants, ensure_group_roles


class Command(migrate.Command):
    help = "Runs the migrations with the owner's role (DATABASE_URL), then applies the grants of apps.common.roles."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        if "owner" not in connections:
            raise CommandError("DATABASE_URL is not set: migrations need the address of the owner's role.")
        owner = connections["owner"]
        with transaction.atomic(using="owner"), owner.cursor() as cursor:
            ensure_group_roles(cursor)
        super().handle(*args, **options)
        if not options.get("app_label"):
            with transaction.atomic(using="owner"), owner.cursor() as cursor:
                apply_grants(cursor)
