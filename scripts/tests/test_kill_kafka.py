"""The kill test over Kafka, the broker killed too; and moving between the logs while commands flow: the same zeros."""

import json
import os

import pytest

from daybook_scripts.chaos.checker import Findings
from daybook_scripts.chaos.evidence import Event
from daybook_scripts.chaos.kafka import check_kafka
from daybook_scripts.chaos.plan import Plan
from daybook_scripts.chaos.run import holds, judge, perform
from daybook_scripts.chaos.stack import running_stack
from tms_testing.kafka_broker import kafka_or_skip

pytestmark = [pytest.mark.kill, pytest.mark.kafka, pytest.mark.timeout(900)]

SERVER_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres:dev@127.0.0.1:5515/postgres")


def judged(plan):
    kafka_or_skip()
    with running_stack(plan, SERVER_URL) as stack:
        findings, report = judge(perform(plan, stack))
    print(json.dumps(report))
    assert findings.words == []
    assert holds(report), report
    return report


def test_every_acknowledged_command_is_everywhere_though_the_broker_is_killed_too():
    report = judged(Plan(commands=400, kills=3, seed=31, log="kafka"))
    assert report["kills"] == {"web": 3, "relay": 3, "consumers": 3, "worker": 3, "broker": 3}
    assert report["acked"] >= 350
    assert 0 < report["recovery_s"]["p95"] < 60


def test_moving_between_the_logs_while_commands_flow_loses_and_doubles_nothing():
    report = judged(Plan(commands=240, kills=1, seed=32, switches=("kafka", "postgres", "kafka")))
    assert report["switched"] == ["kafka", "postgres", "kafka"]
    assert report["acked"] >= 200


def event(seq):
    return Event(
        id=seq, event_id=str(seq), aggregate_type="task", aggregate_id="1", version=seq, type="task.updated",
        actor=1, correlation_id="", topic="t", partition=0, payload={}, at=0.0, seq=seq, prev_seq=seq - 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seqs", "lost", "reordered", "unexplained"),
    [
        ([1, 2, 3, 4], 0, 0, 0),
        ([1, 2, 3, 2, 3, 4], 0, 0, 0),
        ([1, 2, 4], 1, 0, 0),
        ([1, 3, 2, 4], 0, 1, 0),
        ([1, 2, 3, 4, 5], 0, 0, 1),
    ],
)
def test_the_checker_knows_what_kafka_owes(seqs, lost, reordered, unexplained):
    findings = Findings()
    check_kafka([event(seq) for seq in (1, 2, 3, 4)], {("t", 0): seqs}, findings)
    found = (findings.lost["kafka"], findings.reordered["kafka"], findings.unexplained["kafka"])
    assert found == (lost, reordered, unexplained)
