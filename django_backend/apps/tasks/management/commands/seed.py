"""Fills an empty install with the demo story."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.tasks import demo


class Command(BaseCommand):
    help = "Plants demo people, a team, projects and tasks, once. Only on loopback: everyone knows their password."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_ACCOUNTS:
            raise CommandError(
                "Demo accounts are off, because everyone knows their password. On an install that listens on loopback "
                "only, set DEMO_ACCOUNTS=1 and try again."
            )
        if demo.is_planted():
            self.stdout.write("The demo data is here already.")
        else:
            demo.plant()
            self.stdout.write("Planted the demo data.")
        self.stdout.write(
            f"Sign in as alice@example.com (owner), bob@example.com (member), erin@example.com (guest) or "
            f"admin@example.com (staff), password {demo.PASSWORD}"
        )
