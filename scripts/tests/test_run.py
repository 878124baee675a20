"""scripts/run from outside: what it says when it can't start."""

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from daybook_scripts import layout
from daybook_scripts.accounts import unprivileged_account
from daybook_scripts.home import require_writable, take_lock
from daybook_scripts.trouble import Trouble

RUN = layout.SCRIPTS / "run"


@pytest.fixture
def run(persons_env):
    def run(*arguments, **environment):
        env = persons_env | environment
        return subprocess.run([RUN, *arguments], env=env, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_named_with_how_to_mend_it_before_anything_is_made(run, tmp_path, taken_port):
    state = tmp_path / "state"
    done = run("--port", str(taken_port), DAYBOOK_STATE=str(state))
    assert done.returncode == 1
    assert f"Port {taken_port} on 127.0.0.1 is taken" in done.stderr
    assert f"--port {taken_port + 1}" in done.stderr
    assert [path.name for path in state.iterdir()] == ["run.lock"]


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.10.13"])
def test_an_old_python_is_named_with_how_to_get_a_newer_one(run, tmp_path, version):
    old = tmp_path / "old-python"
    old.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "Python {version}"; exit 0; fi\nexit 1\n')
    old.chmod(0o755)
    done = run(PYTHON=str(old))
    assert done.returncode == 2
    assert f"needs Python 3.11 or newer, and here '{old}' is: Python {version}" in done.stderr
    assert "PYTHON=/path/to/python3.13" in done.stderr


def test_a_python_that_is_not_there_is_named(run, tmp_path):
    done = run(PYTHON=str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr


def test_a_folder_that_cannot_be_written_is_named_with_how_to_mend_it(run, tmp_path):
    # A file in the way: no rights, not even root's, help against that.
    (tmp_path / "in-the-way").touch()
    done = run(DAYBOOK_STATE=str(tmp_path / "in-the-way" / "state"))
    assert done.returncode == 1
    assert "can't write there" in done.stderr
    assert "DAYBOOK_STATE=/a/folder/of/yours" in done.stderr


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else; the test above holds the rule"
)
def test_an_ordinary_user_who_may_not_write_the_folder_gets_the_same_sentence():
    account = unprivileged_account()
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
        try:
            require_writable(Path("/usr/daybook-state"))
        except Trouble as trouble:
            os.write(writing, str(trouble).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(process, 0)
    with os.fdopen(reading) as said:
        assert "can't write there (Permission denied)" in said.read()


def test_a_second_start_on_the_same_folder_is_refused_and_says_where_the_first_runs(run, tmp_path):
    with take_lock(tmp_path) as lock:
        lock.write(", http://127.0.0.1:8000")
        lock.flush()
        done = run(DAYBOOK_STATE=str(tmp_path))
    assert done.returncode == 1
    assert re.search(
        rf"already runs from {tmp_path}: process {os.getpid()}, http://127.0.0.1:8000", done.stderr
    )


def test_kafka_without_java_is_a_sentence_that_says_how_to_get_it(run, tmp_path):
    done = run("--smoke", "--kafka", JAVA_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "Kafka needs Java 17 or newer, and JAVA_HOME is" in done.stderr
    assert "openjdk-17-jre-headless" in done.stderr
    assert done.stdout == ""


def test_fresh_never_empties_a_database_that_it_was_given(run, tmp_path):
    done = run(
        "--fresh",
        *free_ports(),
        DAYBOOK_STATE=str(tmp_path),
        DATABASE_URL="postgresql://a@127.0.0.1/precious",
    )
    assert done.returncode == 2
    assert "not this command's to empty" in done.stderr


def free_ports():
    from daybook_scripts.ports import free_port

    return ["--port", str(free_port()), "--analytics-port", str(free_port())]
