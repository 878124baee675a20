"""Topics, and which partition an aggregate's events go to (the same function for both logs)."""

from __future__ import annotations

import tomllib
import zlib
from functools import cache
from pathlib import Path

TOPICS_FILE = Path(__file__).with_name("topics.toml")


@cache
def partitions_by_topic() -> dict[str, int]:
    """Topic name to its number of partitions, as topics.toml has it."""
    topics = tomllib.loads(TOPICS_FILE.read_text(encoding="utf-8"))["topics"]
    return {name: int(spec["partitions"]) for name, spec in topics.items()}


def partition_key(aggregate_type: str, aggregate_id: str) -> str:
    """The key that keeps one aggregate's events in one partition, and so in order."""
    return f"{aggregate_type}:{aggregate_id}"


def partition_for(topic: str, aggregate_type: str, aggregate_id: str) -> int:
    """Partition number in `topic`; raises KeyError for a topic that topics.toml does not name."""
    return zlib.crc32(partition_key(aggregate_type, aggregate_id).encode()) % partitions_by_topic()[topic]
