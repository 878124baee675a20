"""The supervisor, with small real processes as its children."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGTERM

import pytest

from daybook_scripts import layout
from daybook_scripts.supervisor import Program, Supervisor, how_it_ended
from daybook_scripts.trouble import Trouble

pytestmark = pytest.mark.serial


@pytest.fixture
def supervisor(tmp_path):
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop_all()


def child(name, code, **more):
    return Program(name, (sys.executable, "-u", "-c", code), Path("/"), dict(os.environ), **more)


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def process_is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


SLEEPER = "import time; print('up'); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


def test_a_child_that_dies_is_named_with_its_last_words_and_started_again(supervisor, capsys):
    started = supervisor.start(child("worker", "print('the reason'); raise SystemExit(7)"))
    until(lambda: not started.alive)
    first = started.process.pid
    supervisor.tend()
    said = capsys.readouterr().out
    assert "worker died (exit code 7)" in said
    assert "| the reason" in said
    until(lambda: supervisor.tend() or started.process.pid != first)
    assert f"worker: started again (process {started.process.pid})" in capsys.readouterr().out


def test_a_killed_child_is_named_with_the_signal(supervisor, capsys):
    started = supervisor.start(child("stream", SLEEPER))
    started.process.kill()
    until(lambda: not started.alive)
    supervisor.tend()
    assert "stream died (signal SIGKILL)" in capsys.readouterr().out


def test_a_child_that_dies_again_and_again_is_given_longer_pauses(supervisor):
    started = supervisor.start(child("web", "raise SystemExit(1)"))
    pauses = []
    for _ in range(3):
        until(lambda: not started.alive)
        supervisor.tend()
        pauses.append(round(started.restart_at - time.monotonic(), 1))
        started.restart_at = 0.001  # the pause itself is not what is asked here
        supervisor.tend()
    assert pauses == [0.5, 1.0, 2.0]


def test_a_child_that_ends_before_it_is_ready_is_a_trouble_with_its_last_words(supervisor):
    started = supervisor.start(child("web", "print('SECRET_KEY is not set'); raise SystemExit(1)"))
    with pytest.raises(Trouble, match=r"(?s)web ended while starting \(exit code 1\).*SECRET_KEY is not set"):
        supervisor.wait_until(started, lambda: False, 20)


def test_a_child_that_is_never_ready_is_a_trouble(supervisor):
    started = supervisor.start(child("web", SLEEPER))
    with pytest.raises(Trouble, match="web was not ready within 0 s"):
        supervisor.wait_until(started, lambda: False, 0.2)


def test_stop_asks_every_program_and_kills_what_does_not_listen(supervisor):
    willing = supervisor.start(child("willing", SLEEPER))
    deaf = supervisor.start(child("deaf", DEAF, stop_seconds=0.5))
    until(lambda: willing.last_lines() and deaf.last_lines())
    supervisor.stop_all()
    assert how_it_ended(willing) == "signal SIGTERM"
    assert how_it_ended(deaf) == "signal SIGKILL"


def test_servers_stop_after_the_programs_that_use_them(supervisor, tmp_path):
    note = "import signal, sys, time\ndef bye(*_):\n    open({!r}, 'a').write({!r}); sys.exit(0)\n"
    note += "signal.signal(signal.SIGTERM, bye); print('up'); time.sleep(600)"
    order = str(tmp_path / "order")
    server = supervisor.start(child("postgres", note.format(order, "server "), server=True))
    program = supervisor.start(child("web", note.format(order, "program ")))
    until(lambda: server.last_lines() and program.last_lines())
    supervisor.stop_all()
    assert Path(order).read_text() == "program server "


def test_what_a_child_started_goes_with_it(supervisor, tmp_path):
    code = f"import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\n"
    code += "print(p.pid); time.sleep(600)"
    started = supervisor.start(child("worker", code))
    until(started.last_lines)
    grandchild = int(started.last_lines()[0])
    supervisor.stop_all()
    until(lambda: process_is_gone(grandchild))


MAIN = """
import sys
from pathlib import Path
from daybook_scripts.supervisor import Program, Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.listen_to_signals()
for name in ("one", "two"):
    child = supervisor.start(Program(name, (sys.executable, "-c", "import time; time.sleep(600)"), Path("/"), {}))
    print(child.process.pid, flush=True)
supervisor.watch()
supervisor.stop_all()
print("stopped", flush=True)
"""


@pytest.fixture
def running_supervisor(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(layout.SCRIPTS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    children = [int(process.stdout.readline()) for _ in range(2)]
    yield process, children
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_ends_every_child(running_supervisor, number):
    process, children = running_supervisor
    process.send_signal(number)
    assert process.stdout.readline() == "stopped\n"
    assert process.wait(20) == 0
    assert all(process_is_gone(pid) for pid in children)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the Linux kernel for it")
def test_a_sigkill_of_the_supervisor_leaves_no_child_behind(running_supervisor):
    process, children = running_supervisor
    process.kill()
    process.wait()
    until(lambda: all(process_is_gone(pid) for pid in children))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to drop")
def test_a_child_of_root_with_an_account_has_no_right_and_no_group_of_roots(supervisor):
    from daybook_scripts.accounts import unprivileged_account

    account = unprivileged_account()
    started = supervisor.start(
        Program("postgres", ("/bin/sh", "-c", "id -u; id -g; id -G; umask"), Path("/"), {}, account)
    )
    until(lambda: not started.alive)
    assert started.last_lines() == [str(account.uid), str(account.gid), str(account.gid), "0077"]


def test_sigterm_is_what_programs_are_asked_with():
    assert child("web", "").stop_signal == SIGTERM
