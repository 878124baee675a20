"""Whether a broker answers, asked as its clients ask."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

REQUEST_SECONDS = 2.0


class Readiness:
    """One connection that asks again and again. Close to no cost; not to be shared over a fork."""

    def __init__(self, address: str) -> None:
        self._admin = AdminClient(
            {
                "bootstrap.servers": address,
                "broker.address.family": "v4",
                # While the broker starts, refused connections are no news.
                "log_level": 0,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 250,
            }
        )

    def cluster(self) -> str | None:
        """The cluster's id once the broker is in service and every partition has a leader; None before."""
        try:
            metadata = self._admin.list_topics(timeout=REQUEST_SECONDS)
        except KafkaException:
            return None
        partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
        in_service = bool(metadata.brokers) and all(p.leader >= 0 for p in partitions)
        cluster: str | None = metadata.cluster_id if in_service else None
        return cluster
