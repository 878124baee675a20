"""A real Apache Kafka on this machine, without Docker: one node that is broker and controller, from Maven artifacts.

For development, tests and the small install with Kafka. `scripts/broker --help`; in Python: `broker.Broker`.
"""

from __future__ import annotations

from broker.broker import Broker
from broker.trouble import BrokerTrouble

__all__ = ["Broker", "BrokerTrouble"]
