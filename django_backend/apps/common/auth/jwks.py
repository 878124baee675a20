"""The public keys, for whoever verifies our tokens (the analytics service, integrators)."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from apps.common.auth.keys import load_keys

# Short, so that a new key is known everywhere well before it signs.
CACHE_CONTROL = "public, max-age=300"


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """RFC 7517: every key that verifies, by `kid`."""
    return JsonResponse(
        load_keys().jwks(), headers={"Cache-Control": CACHE_CONTROL}, content_type="application/jwk-set+json"
    )
