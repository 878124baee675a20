"""Keyset pages: a cursor holds the last row's sort keys, so a row whose keys did not change appears exactly once."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from rest_framework.response import Response

from apps.common.errors import Invalid

Row = TypeVar("Row", bound=Model)
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`rows` in order; `next_cursor` is None on the last page."""

    rows: list[Row]
    next_cursor: str | None


def keyset_page(
    queryset: QuerySet[Row, Row], order: Sequence[str], *, cursor: str | None, limit: int = DEFAULT_LIMIT
) -> Page[Row]:
    """One page of `queryset` ordered by `order` ("-created_at", "-id"; the last key must be unique, none may be null).

    Raises Invalid (400, code invalid_cursor) for a cursor that this order did not make.
    """
    keyed = queryset.order_by(*order)
    if cursor:
        keyed = keyed.filter(_after(order, _decode(cursor, order, queryset.model)))
    rows = list(keyed[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    rows = rows[:limit]
    return Page(rows, _encode(order, rows[-1]))


def limit_of(request: HttpRequest) -> int:
    """?limit= as a number from 1 to 100; raises Invalid otherwise."""
    text = request.GET.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or not 1 <= int(text) <= MAX_LIMIT:
        raise Invalid(fields={"limit": [f"Use a number from 1 to {MAX_LIMIT}."]}, code="invalid_limit")
    return int(text)


def page_response(request: HttpRequest, page: Page[Any], shape: Any) -> Response:
    """{"results", "next"} with a Link header; rows go out in `shape`, `next` keeps every filter of the request."""
    response = Response({"results": shape(page.rows, many=True).data, "next": None})
    if page.next_cursor:
        query = urlencode(
            [
                *((k, v) for k, vs in request.GET.lists() if k != "cursor" for v in vs),
                ("cursor", page.next_cursor),
            ]
        )
        url = request.build_absolute_uri(f"{request.path}?{query}")
        response.data["next"] = url
        response["Link"] = f'<{url}>; rel="next"'
    return response


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows behind `values`: (a, b) after (x, y) is a past x, or a equal and b past y."""
    condition = Q()
    equal = Q()
    for key, value in zip(order, values, strict=True):
        name = key.removeprefix("-")
        past = Q(**{f"{name}__{'lt' if key.startswith('-') else 'gt'}": value})
        condition |= equal & past
        equal &= Q(**{name: value})
    # Repeats the leading bound in a form that an index range scan takes.
    lead = order[0].removeprefix("-")
    return Q(**{f"{lead}__{'lte' if order[0].startswith('-') else 'gte'}": values[0]}) & condition


def _encode(order: Sequence[str], row: Model) -> str:
    values = [_plain(getattr(row, key.removeprefix("-"))) for key in order]
    return base64.urlsafe_b64encode(json.dumps([list(order), values]).encode()).rstrip(b"=").decode()


def _plain(value: Any) -> Any:
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _decode(cursor: str, order: Sequence[str], model: type[Model]) -> list[Any]:
    """The values the cursor holds, each as its field has them."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        made_for, values = json.loads(base64.urlsafe_b64decode(padded))
        if made_for == list(order):
            return [_value(model, key, value) for key, value in zip(order, values, strict=True)]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError, ValidationError) as problem:
        raise Invalid("This cursor is not one of ours.", code="invalid_cursor") from problem
    raise Invalid("This cursor belongs to another order.", code="invalid_cursor")


def _value(model: type[Model], key: str, value: Any) -> Any:
    plain = value["at"] if isinstance(value, dict) else value
    field = model._meta.get_field(key.removeprefix("-"))
    if isinstance(plain, bool | list | dict | None) or not isinstance(field, Field):
        raise ValueError("no value of a sort key")
    python = field.to_python(plain)
    if isinstance(python, datetime) and python.tzinfo is None:
        raise ValueError("a moment without its zone")
    return python
