"""JSON Schemas of the payloads: schemas/<type>.v<version>.json, compiled once per process."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

SCHEMA_FOLDER = Path(__file__).with_name("schemas")
EXAMPLE_FOLDER = Path(__file__).with_name("examples")


class InvalidEvent(ValueError):
    """A payload does not fit its schema; the message names the place."""

    code = "invalid_event"


class UnknownSchema(InvalidEvent):
    """There is no schema of that type and version."""

    code = "unknown_schema"


def _load_reference(uri: str) -> Any:
    """`daybook:common.v1.json` is the file of shared definitions beside the schemas."""
    return json.loads((SCHEMA_FOLDER / uri.removeprefix("daybook:")).read_text(encoding="utf-8"))


@cache
def _validator(event_type: str, schema_version: int) -> Callable[[Any], Any]:
    path = SCHEMA_FOLDER / f"{event_type}.v{schema_version}.json"
    if not path.is_file():
        raise UnknownSchema(f"no schema for {event_type} version {schema_version}")
    schema = json.loads(path.read_text(encoding="utf-8"))
    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema, handlers={"daybook": _load_reference})
    return compiled


def validate(event_type: str, schema_version: int, payload: Any) -> None:
    """Raise `InvalidEvent` unless `payload` fits the schema of that type and version."""
    try:
        _validator(event_type, schema_version)(payload)
    except fastjsonschema.JsonSchemaValueException as problem:
        raise InvalidEvent(f"{event_type} v{schema_version}: {problem.message}") from problem
