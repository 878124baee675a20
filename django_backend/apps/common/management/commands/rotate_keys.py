"""Rotates the keys that sign tokens, in three steps days apart; see docs/operations.md."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.auth.keys import KeyProblem
from apps.common.auth.rotation import key_states, publish, retire, sign


class Command(BaseCommand):
    help = (
        "publish: make the next key, known from now on. sign (15 minutes later): let it sign. "
        "retire (a month later): remove the former one. status: what each key does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("step", choices=["publish", "sign", "retire", "status"])

    def handle(self, *args: Any, step: str, **options: Any) -> None:
        try:
            self.stdout.write("\n".join(STEPS[step]()))
        except KeyProblem as problem:
            raise CommandError(str(problem)) from problem
        except OSError as problem:
            raise CommandError(
                f"The folder of keys can't be changed ({problem.strerror}). Run this where it may be written: "
                f"{settings.JWT_KEYS_DIR}."
            ) from problem


def _publish() -> list[str]:
    return [
        f"{publish(settings.JWT_KEYS_DIR)} is published. In 15 minutes: python manage.py rotate_keys sign"
    ]


def _sign() -> list[str]:
    kid = sign(settings.JWT_KEYS_DIR)
    return [f"{kid} signs from now on. In 31 days: python manage.py rotate_keys retire"]


def _retire() -> list[str]:
    return [f"{kid} is removed." for kid in retire(settings.JWT_KEYS_DIR)] or ["No key is to be removed."]


def _status() -> list[str]:
    return [
        f"{state.kid} {state.role} since {state.since:%Y-%m-%d %H:%M}"
        for state in key_states(settings.JWT_KEYS_DIR)
    ]


STEPS = {"publish": _publish, "sign": _sign, "retire": _retire, "status": _status}
