"""The small install itself: started, used, hurt and started again, as a person would."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from daybook_scripts import layout
from daybook_scripts.environment import ensure_environment
from daybook_scripts.ports import free_port

pytestmark = [pytest.mark.serial, pytest.mark.kill, pytest.mark.timeout(900)]

RUN = layout.SCRIPTS / "run"
STEPS = (
    "postgres",
    "redis",
    "keys",
    "roles",
    "migrate",
    "demo data",
    "web",
    "API sign-in",
    "create a task",
    "the open page sees it",
    "the feed names each",
    "analytics counts it",
    "the assignee's mail (by the worker)",
    "stop",
)


@pytest.fixture(scope="module")
def environment():
    """Made once in the project's .local/, as a person's first start makes it."""
    return ensure_environment(layout.ROOT / ".local", layout.SMALL_INSTALL)


def test_the_smoke_run_walks_the_thread_and_says_each_step_with_its_milliseconds(environment, persons_env):
    done = subprocess.run([RUN, "--smoke"], env=persons_env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in STEPS:
        assert re.search(rf"^  {re.escape(name)} +\d+ ms$", done.stdout, re.MULTILINE), (name, done.stdout)
    folder = re.search(r"Daybook is tried in (\S+)", done.stdout)[1]
    assert not Path(folder).exists()


class Daybook:
    """`scripts/run` on a state folder of its own, and what it printed."""

    def __init__(self, state, env):
        self.state = state
        self.env = env | {"DAYBOOK_STATE": str(state)}
        self.port = free_port()
        self.log = state / "printed.txt"
        self.process = None

    def start(self, *arguments):
        """Until it says that it runs."""
        self.launch(*arguments)
        self.until(lambda: "Ctrl-C stops it" in self.printed())

    def launch(self, *arguments):
        ports = ["--port", str(self.port), "--analytics-port", str(free_port())]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [RUN, *ports, *arguments], env=self.env, stdout=log, stderr=subprocess.STDOUT
            )

    def printed(self):
        return self.log.read_text()

    def until(self, condition, seconds=240):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.1)

    def children(self):
        """From /proc, since a bare container has no ps."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]
                arguments = folder.joinpath("cmdline").read_bytes().decode().replace("\0", " ")
            except OSError:  # ended meanwhile
                continue
            if int(parent) == self.process.pid:
                found[int(folder.name)] = arguments
        return found

    def child(self, word):
        return next(pid for pid, arguments in self.children().items() if word in arguments)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(120)

    def sign_in(self):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/auth/login/",
            json.dumps({"login": "alice@example.com", "password": "daybook-demo"}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["access"]

    def call(self, token, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def daybook(environment, persons_env):
    state = Path(tempfile.mkdtemp(prefix="daybook-install-"))
    state.chmod(0o711)
    # What the smoke run made already; both are named after what is in them.
    for made in (environment, *environment.parent.glob("static-*")):
        (state / made.name).symlink_to(made)
    daybook = Daybook(state, persons_env)
    yield daybook
    if daybook.process is not None and daybook.process.poll() is None:
        daybook.stop()
    shutil.rmtree(state)


def test_what_was_made_survives_killed_children_and_a_restart(daybook):
    daybook.start()
    assert "alice@example.com" in daybook.printed()
    token = daybook.sign_in()
    task = daybook.call(token, "/api/tasks/", {"title": "Still here tomorrow"})
    for name, word in (("postgres", "postgres -D"), ("web", "config.asgi"), ("stream", "consumers all")):
        os.kill(daybook.child(word), signal.SIGKILL)
        daybook.until(lambda name=name: f"{name}: started again" in daybook.printed())
        assert f"{name} died (signal SIGKILL)" in daybook.printed()
    children = daybook.children()
    assert daybook.stop() == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    daybook.start()
    assert daybook.call(daybook.sign_in(), f"/api/tasks/{task['id']}/")["title"] == "Still here tomorrow"
    assert daybook.stop(signal.SIGINT) == 0


def test_without_demo_data_it_prints_the_set_up_link_and_has_no_known_account(daybook):
    daybook.start("--no-demo")
    assert re.search(rf"http://127.0.0.1:{daybook.port}/set-up/\S{{20,}}", daybook.printed())
    with pytest.raises(urllib.error.HTTPError, match="401"):
        daybook.sign_in()
    assert daybook.stop() == 0


def test_a_stop_in_the_middle_of_the_start_ends_it_at_once_and_the_next_start_completes_it(daybook):
    daybook.launch("--no-demo")
    daybook.until(lambda: re.search(r"^  keys ", daybook.printed(), re.MULTILINE))
    assert daybook.stop() == 130
    daybook.start("--no-demo")
    assert "/set-up/" in daybook.printed()
    assert daybook.stop() == 0
