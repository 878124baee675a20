"""`.env.sample` names every variable that a program reads, each with one comment; compose names none beside them."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from daybook_scripts import layout
from daybook_scripts.compose import CORE

SAMPLE = (layout.ROOT / ".env.sample").read_text()
NAMES = re.findall(r"^([A-Z_]+)=", SAMPLE, re.MULTILINE)
# Of the images of others, which read their own.
FOREIGN = ("POSTGRES_", "KAFKA_", "SPRING_")
COMPOSES_OWN = {"COMPOSE_PROJECT_NAME"}

GOOD = {
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "JWT_KEYS_DIR": "keys",
    "DATA_DIR": "data",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "EVENT_LOG": "kafka",
    "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "DATABASE_URL": "postgres://owner:x@127.0.0.1/daybook",
    "WEB_DATABASE_URL": "postgres://web:x@127.0.0.1/daybook",
    "RELAY_DATABASE_URL": "postgres://relay:x@127.0.0.1/daybook",
    "CONSUMERS_DATABASE_URL": "postgres://consumers:x@127.0.0.1/daybook",
    "ANALYTICS_DATABASE_URL": "postgres://analytics:x@127.0.0.1/daybook",
    "ANALYTICS_URL": "http://127.0.0.1:5000",
    "JWKS_URL": "http://127.0.0.1:8000/.well-known/jwks.json",
}


# In a process of its own: importing Django's configuration chooses Django's settings for the whole process.
ASKING = """
import json, pathlib, sys, tempfile
class Asked(dict):
    names = set()
    def get(self, name, default=None):
        self.names.add(name.removesuffix("_FILE"))
        return super().get(name, default)
    __getitem__ = get
asked = Asked(json.loads(sys.argv[1]))
{program}
print(json.dumps(sorted(asked.names)))
"""
READERS = {
    "Django": "from config.env import read_settings; read_settings(asked)",
    "the relay": "from stream.config import read_relay_config; read_relay_config(asked)",
    "the consumers": "from stream.config import read_consumers_config; read_consumers_config(asked)",
    "analytics": "from analytics.config import read_config; read_config(asked)",
    "the test runner": "from config import test_runner; test_runner.os.environ = asked; "
    "test_runner.environment_for_tests()",
    "init": "from config import provision; folder = pathlib.Path(tempfile.mkdtemp())\n"
    "provision.write = lambda path, text, user: path.write_text(text)\n"
    "provision.keys.generate = lambda folder: folder.mkdir()\n"
    "for name in ('all', 'owner', 'web', 'relay', 'consumers', 'analytics', 'flower', 'postgres', 'redis',\n"
    "             'kafka-ui', 'tests'): (folder / name).mkdir()\n"
    "provision.say = provision.os.chown = lambda *_: None; provision.make_secrets(folder, asked)",
}


@pytest.mark.parametrize("who", READERS)
def test_a_program_reads_only_what_the_sample_names(who):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (layout.DJANGO, layout.KAFKA, layout.ANALYTICS)))
    }
    given = GOOD | ({"JWT_KEYS_DIR": ""} if who == "init" else {})
    done = subprocess.run(
        [sys.executable, "-c", ASKING.format(program=READERS[who]), json.dumps(given)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    asked = set(json.loads(done.stdout))
    assert asked and asked <= set(NAMES)


def test_code_reads_the_environment_only_through_these_readers():
    """What else would name a variable is found by its text."""
    programs = (
        "django_backend/config",
        "django_backend/apps",
        "kafka/stream",
        "kafka/relay",
        "kafka/consumers",
    )
    found = set()
    for folder in (*programs, "kafka/tms_events", "flask_analytics/analytics"):
        for path in (layout.ROOT / folder).rglob("*.py"):
            if "tests" not in path.parts:
                found |= set(
                    re.findall(r"environ(?:\.get\(|\[|\.setdefault\()[\"']([A-Z_]+)", path.read_text())
                )
    assert found <= {*NAMES, "DJANGO_SETTINGS_MODULE"}


def test_each_variable_stands_once_below_one_comment():
    assert len(NAMES) == len(set(NAMES))
    lines = SAMPLE.splitlines()
    for number, line in enumerate(lines):
        if re.match("[A-Z_]+=", line):
            assert lines[number - 1].startswith("# ") and not lines[number - 1].startswith("# ---"), line
            assert not lines[number - 2].startswith("# ") or lines[number - 2].startswith("# ---"), line


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.name)
def test_compose_takes_from_the_environment_only_what_the_sample_names(file):
    text = re.sub(r"\$\$\S*", "", file.read_text())
    assert set(re.findall(r"\$\{?([A-Za-z_]+)", text)) <= {*NAMES, *COMPOSES_OWN}


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.name)
def test_compose_gives_programs_only_what_the_sample_names(file):
    class Loader(yaml.SafeLoader):
        """With compose's own tags."""

    Loader.add_multi_constructor("!", lambda loader, _suffix, node: loader.construct_sequence(node))
    services = yaml.load(file.read_text(), Loader)["services"]
    given = {
        name.removesuffix("_FILE")
        for service in services.values()
        for name in service.get("environment", {})
        if name in ("KAFKA_BOOTSTRAP", "KAFKA_UI_AUTH") or not name.startswith(FOREIGN)
    }
    assert given <= set(NAMES)
