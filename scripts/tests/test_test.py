"""What scripts/test makes of what it found."""

import subprocess
import sys
from collections import Counter

import pytest

from daybook_scripts import layout
from daybook_scripts.test import Findings, chooses_itself, parse


@pytest.mark.parametrize(
    ("findings", "in_ci", "code", "last"),
    [
        (Findings(Counter(passed=3)), True, 0, "3 passed, 0 failed"),
        (Findings(Counter(passed=3, failed=1, error=1)), True, 1, "3 passed, 2 failed"),
        (Findings(Counter(passed=3, skipped=2)), True, 1, "3 passed, 0 failed, 2 skipped"),
        (Findings(Counter(passed=3, skipped=2)), False, 0, "3 passed, 0 failed, 2 skipped"),
        (Findings(Counter(passed=3), failed_checks=["mypy"]), False, 1, "3 passed, 1 failed"),
        (Findings(Counter(passed=3), missing=["Chromium"]), False, 0, "3 passed, 0 failed"),
        (Findings(Counter(passed=3), missing=["Chromium"]), True, 1, "3 passed, 0 failed"),
        (Findings(), False, 1, "0 passed, 0 failed"),
    ],
    ids=[
        "all well",
        "failures",
        "a skip in CI",
        "a skip",
        "a check",
        "a part missing",
        "missing in CI",
        "no test",
    ],
)
def test_the_last_line_is_the_total_and_nothing_that_could_not_run_looks_well(
    findings, in_ci, code, last, capsys
):
    assert findings.verdict(in_ci=in_ci) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_all_but_its_own_flag_is_handed_to_pytest():
    asked, rest = parse(["--full", "-x", "django_backend", "-k", "login"])
    assert asked.full
    assert rest == ["-x", "django_backend", "-k", "login"]


def test_with_marks_or_workers_of_ones_own_pytest_runs_once():
    assert chooses_itself(["-m", "serial"])
    assert chooses_itself(["-n", "0"])
    assert not chooses_itself(["-k", "login"])


def test_a_long_proof_that_passed_is_not_run_again_and_one_that_failed_is(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_good(): pass\ndef test_bad(): assert False\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    passed = tmp_path / "passed.txt"

    def run():
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "daybook_scripts.outcomes", "-p", "no:django", "-q"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(layout.SCRIPTS), "PASSED_TO": str(passed), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        ).stdout

    assert "1 failed, 1 passed" in run()
    assert passed.read_text() == "test_it.py::test_good\n"
    assert "1 failed, 1 deselected" in run()
