"""What Kafka has to hold after a run: every event, the first time each comes in the order of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from daybook_scripts.chaos.checker import Findings
from daybook_scripts.chaos.evidence import Event

Place = tuple[str, int]


def check_kafka(events: Sequence[Event], seqs: Mapping[Place, Sequence[int]], findings: Findings) -> None:
    """`seqs` are those of each partition's messages in Kafka's order; repeats are as they should be."""
    for counter in (findings.lost, findings.reordered, findings.unexplained):
        counter.setdefault("kafka", 0)
    owed: dict[Place, list[int]] = {place: [] for place in seqs}
    for event in events:
        if event.seq is not None:
            owed.setdefault((event.topic, event.partition), []).append(event.seq)
    for place, due in owed.items():
        first = list(dict.fromkeys(seqs.get(place, ())))
        findings.compare("kafka", [(*place, seq) for seq in due], [(*place, seq) for seq in first])
        for one, next_one in pairwise(first):
            if next_one < one:
                findings.note("reordered", "kafka", f"{place}: {next_one} after {one}")
