"""Prints the one-time link for the first person of an install."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.users.services.setup_links import OperatorPresent, make_setup_link


class Command(BaseCommand):
    help = "Prints a link by which the first person signs up. It works once, for seven days, and replaces the former."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            link = make_setup_link()
        except OperatorPresent as problem:
            raise CommandError(problem.detail) from problem
        self.stdout.write(link)
