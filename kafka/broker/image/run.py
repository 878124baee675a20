#!/usr/bin/env python3
"""Starts the broker of this image: KAFKA_… variables become server.properties, storage is formatted once, then Java.

As in the official image: `_` stands for a dot, `__` for an underscore, `___` for a dash; any KAFKA_ setting at all
replaces all of the defaults; CLUSTER_ID is a constant unless it is given.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROPERTIES = Path("/opt/kafka/config/server.properties")
JAVA = ["java", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
LOGGING = "-Dlog4j2.configurationFile=/etc/kafka/docker/log4j2.properties"
CLASSPATH = "/opt/kafka/libs/*"

USUAL_CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
USUAL_HEAP = "-Xmx1G -Xms1G"

# For the JVM, not for server.properties.
JVM_VARIABLES = ("KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_OPTS")
# What the official image's scripts take besides.
UNKNOWN_HERE = re.compile(r"KAFKA_(LOG4J|TOOLS_LOG4J|JMX|GC_LOG|VERSION$)")

DEFAULTS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": "1@localhost:9093",
    "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "advertised.listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": "/tmp/kraft-combined-logs",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
NEEDED = ("process.roles", "node.id", "controller.listener.names")


class ConfigurationError(ValueError):
    """A variable is missing or not known here; the message says how to mend it."""


def settings_from(environment: Mapping[str, str]) -> dict[str, str]:
    """server.properties as the variables have it; the defaults where there are none. Raises ConfigurationError."""
    given = {
        property_name(name): value
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in JVM_VARIABLES
    }
    refused = [name for name in environment if UNKNOWN_HERE.match(name)]
    if refused:
        raise ConfigurationError(f"This local image does not know {', '.join(refused)}. Leave them out.")
    if not given:
        return DEFAULTS
    for needed in NEEDED:
        if needed not in given:
            raise ConfigurationError(
                f"{variable_name(needed)} is not set. Set it: any KAFKA_ variable replaces all of the defaults."
            )
    if "listeners" not in given and "advertised.listeners" in given:
        given["listeners"] = re.sub(r"://[^:,]*:", "://0.0.0.0:", given["advertised.listeners"])
    return given


def property_name(variable: str) -> str:
    """KAFKA_A_B is a.b, KAFKA_A__B is a_b, KAFKA_A___B is a-b."""
    signs = {1: ".", 2: "_", 3: "-"}
    words = variable.removeprefix("KAFKA_").lower()
    return re.sub("_{1,3}", lambda run: signs[len(run[0])], words)


def variable_name(name: str) -> str:
    return "KAFKA_" + name.replace("_", "__").replace(".", "_").replace("-", "___").upper()


def java_options(environment: Mapping[str, str]) -> list[str]:
    heap = environment.get("KAFKA_HEAP_OPTS") or USUAL_HEAP
    more = [environment.get(name, "") for name in JVM_VARIABLES[1:]]
    return [*heap.split(), *(option for options in more for option in options.split()), LOGGING]


def write_properties(settings: Mapping[str, str]) -> None:
    lines = [f"{name}={value}" for name, value in sorted(settings.items())]
    try:
        PROPERTIES.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as problem:
        raise ConfigurationError(
            f"{PROPERTIES} can't be written ({problem.strerror}). With a read-only root, put a tmpfs on "
            f"{PROPERTIES.parent} that user {os.geteuid()} may write to."
        ) from problem


def format_storage(environment: Mapping[str, str]) -> None:
    """Nothing to do where it is formatted already."""
    cluster = environment.get("CLUSTER_ID") or USUAL_CLUSTER_ID
    command = [*JAVA, "-Xmx256M", LOGGING, "-cp", CLASSPATH, "kafka.tools.StorageTool", "format"]
    command += ["--ignore-formatted", f"--cluster-id={cluster}", "--config", str(PROPERTIES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise ConfigurationError(
            f"Kafka could not prepare its storage. Mend what it says:\n{done.stdout[-3000:]}"
        )


def main() -> None:
    try:
        write_properties(settings_from(os.environ))
        format_storage(os.environ)
    except ConfigurationError as problem:
        sys.exit(f"kafka: {problem}")
    command = [*JAVA, *java_options(os.environ), "-cp", CLASSPATH, "kafka.Kafka", str(PROPERTIES)]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
