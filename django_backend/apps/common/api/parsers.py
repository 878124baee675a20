"""JSON from outside: what Python reads but nothing here could store, show or finish reading is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class UnusableJson(ValueError):
    """Not JSON, nested too deeply, or with half of a surrogate pair in a text."""


def parse_json(text: str | bytes) -> Any:
    """The value; raises UnusableJson with a sentence."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        # A lone surrogate can be read from an escape, and neither be stored nor sent back.
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as problem:
        raise UnusableJson("This JSON is nested too deeply.") from problem
    except UnicodeEncodeError as problem:
        raise UnusableJson("A text holds half of a surrogate pair.") from problem
    except ValueError as problem:
        raise UnusableJson("This is not JSON.") from problem
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class StrictJSONParser(JSONParser):
    """DRF's parser with `parse_json` within."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return parse_json(stream.read())
        except UnusableJson as problem:
            raise ParseError(str(problem)) from problem
