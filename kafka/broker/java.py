"""Finds a Java that this Kafka runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from broker.trouble import BrokerTrouble

LOWEST = 17
MEND = (
    f"install Java {LOWEST} or newer (Debian 12: apt-get install --no-install-recommends openjdk-17-jre-headless; "
    "Debian 13: openjdk-21-jre-headless), or set JAVA_HOME to one that is already here."
)


def find_java() -> str:
    """The path of `java`: JAVA_HOME's where that is set, else PATH's. Raises BrokerTrouble where none is new enough."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(os.path.join(home, "bin", "java") if home else "java")
    if java is None:
        where = f"JAVA_HOME is {home}, which has no bin/java" if home else "there is no java on the PATH"
        raise BrokerTrouble("java_missing", f"Kafka needs Java {LOWEST} or newer, and {where}.", MEND)
    found = java_version(java)
    if found < LOWEST:
        raise BrokerTrouble(
            "java_too_old", f"Kafka needs Java {LOWEST} or newer, and {java} is {found}.", MEND
        )
    return java


def java_version(java: str) -> int:
    """The feature release: 17 for `openjdk version "17.0.15"`, 8 for `java version "1.8.0_292"`."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
    except OSError as problem:
        raise BrokerTrouble("java_missing", f"{java} can't be run: {problem}.", MEND) from problem
    said = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    if said is None:
        raise BrokerTrouble(
            "java_missing", f"`{java} -version` names no version: {done.stderr.strip()}", MEND
        )
    return int(said[1])
