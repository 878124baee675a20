"""/livez: this process answers. /readyz: PostgreSQL answers and every migration is applied (never Kafka)."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

_applied_seen = False


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when this process can serve, 503 with the reason when it can't."""
    try:
        missing = _missing_migrations()
    except DatabaseError as problem:
        reason = str(problem) if settings.DEBUG else "The database does not answer."
        return JsonResponse({"ready": False, "reason": reason}, status=503)
    if missing:
        return JsonResponse(
            {"ready": False, "reason": f"Migrations are missing: {', '.join(missing)}."}, status=503
        )
    return JsonResponse({"ready": True})


def _missing_migrations() -> list[str]:
    """Names of migrations that are not applied. Once none is missing, only the connection is asked again."""
    global _applied_seen
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if _applied_seen:
        return []
    loader = MigrationLoader(connection)
    missing = sorted(
        f"{app}.{name}" for app, name in set(loader.disk_migrations) - set(loader.applied_migrations)
    )
    _applied_seen = not missing
    return missing
