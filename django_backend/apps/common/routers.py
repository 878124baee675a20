"""Which database alias does what: the owner's role carries the tables, every other role only works in them."""

from __future__ import annotations

from typing import Any


class OwnerMigrates:
    """Migrations run on "owner" only; the "default" alias is the same database seen by the web's role."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"
