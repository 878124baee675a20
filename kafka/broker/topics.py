"""Makes the topics of topics.toml on a broker: `python -m broker.topics --bootstrap HOST:PORT`. Safe to run again."""

from __future__ import annotations

import argparse
import sys

from tms_events.log.kafka_topics import BROKERS_OWN, MESSAGE_BYTES, SETTINGS, TopicTrouble, ensure_topics

__all__ = ["MESSAGE_BYTES", "SETTINGS", "TopicTrouble", "ensure_topics", "main"]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m broker.topics", description=__doc__)
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT", help="the broker's address")
    parser.add_argument(
        "--replication",
        type=int,
        default=BROKERS_OWN,
        metavar="N",
        help="copies of each partition (what the broker says)",
    )
    asked = parser.parse_args(arguments)
    try:
        made = ensure_topics(asked.bootstrap, replication=asked.replication)
    except TopicTrouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    sys.stdout.write(f"made: {', '.join(made)}\n" if made else "all topics are there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
