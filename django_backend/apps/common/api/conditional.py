"""ETag and If-Match: the ETag of a task is its `edit_version`."""

from __future__ import annotations

import re

from django.http import HttpRequest

from apps.common.errors import Invalid, PreconditionRequired

STRONG_TAG = re.compile(r'^"(\d{1,18})"$')


def if_match(request: HttpRequest, *, required: bool = False) -> int | None:
    """The version in If-Match; None where the header is absent or `*`.

    Raises PreconditionRequired (428) where it must be there, Invalid (400) where it is no strong tag of ours.
    """
    value = request.headers.get("If-Match", "").strip()
    if not value:
        if required:
            raise PreconditionRequired("Send If-Match with the ETag that you read.")
        return None
    if value == "*":
        return None
    match = STRONG_TAG.match(value)
    if not match:
        raise Invalid('If-Match must be one strong tag, as in If-Match: "7".', code="invalid_if_match")
    return int(match.group(1))
