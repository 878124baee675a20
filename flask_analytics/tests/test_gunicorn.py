"""The service as it runs: the documented command line, in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "4"]

pytestmark = pytest.mark.serial


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(environment, port, log):
    return subprocess.Popen(
        [*COMMAND, "-b", f"127.0.0.1:{port}", "analytics:create_app()"],
        cwd=FOLDER,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(FOLDER.parent / "kafka"), **environment},
        stderr=log,
        stdout=log,
    )


def get(port, path, token=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/analytics/{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)
    except urllib.error.URLError:
        return 0, {}


def test_it_starts_answers_and_stops_and_logs_json_without_tokens(environment, world, signer, wait, tmp_path):
    alice = world.person("alice")
    token, port = signer.sign(alice.public_id, alice.sid), free_port()
    path = tmp_path / "log"
    with path.open("wb") as log:
        process = start(environment, port, log)
        try:
            wait(lambda: get(port, "healthz")[0] == 200, 30)
            assert get(port, "dashboard", token)[1]["totals"]["total"] == 0
            assert get(port, "dashboard")[1]["code"] == "not_signed_in"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {"/api/v1/analytics/dashboard"} <= {line.get("path") for line in lines}
    assert token not in path.read_text()
    assert environment["ANALYTICS_DATABASE_URL"] not in path.read_text()


def test_a_bad_environment_stops_it_with_a_sentence_and_status_2(environment, tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as log:
        process = start({**environment, "JWKS_URL": ""}, free_port(), log)
        assert process.wait(30) == 2
    last = path.read_text().splitlines()[-1]
    assert last == "JWKS_URL is not set. Set JWKS_URL or JWKS_URL_FILE (see .env.sample)."
