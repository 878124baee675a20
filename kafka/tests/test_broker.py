"""The real Kafka of kafka/broker: started, killed, wiped, and made to hold the topics of topics.toml."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from broker import artifacts as jars
from broker import java, ports
from broker import topics as broker_topics
from broker.__main__ import main
from broker.artifacts import Artifacts
from broker.broker import Broker, escaped
from broker.image import run as image
from broker.image.__main__ import may_replace
from broker.temporary import temporary_broker
from broker.trouble import BrokerTrouble
from tms_events.log import kafka_topics
from tms_events.topics import partitions_by_topic
from tms_testing.kafka_broker import kafka_or_skip

pytestmark = [pytest.mark.kafka, pytest.mark.serial]

SECONDS = 20.0


@pytest.fixture(scope="module")
def kafka():
    return kafka_or_skip()


@pytest.fixture(scope="module")
def shared_broker(kafka):
    with temporary_broker(artifacts=kafka, started=False) as broker:
        yield broker


@pytest.fixture
def broker(shared_broker):
    """Running, with whatever topics earlier tests left."""
    if shared_broker.pid is None:
        shared_broker.start()
    return shared_broker


@pytest.fixture
def admin(broker):
    return AdminClient({"bootstrap.servers": broker.address})


def make_topic(admin, name, partitions=1, **settings):
    admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(SECONDS)


def produce(broker, topic, values, **settings):
    """Answers the errors of the delivery reports."""
    producer = Producer({"bootstrap.servers": broker.address, "acks": "all", **settings})
    errors = []
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(SECONDS) == 0
    return [error for error in errors if error is not None]


def read(broker, topic, count):
    """The first `count` values of partition 0."""
    consumer = Consumer(
        {"bootstrap.servers": broker.address, "group.id": "test", "auto.offset.reset": "error"}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values, deadline = [], time.monotonic() + SECONDS
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(count, timeout=0.5) if not message.error()]
    consumer.close()
    return values


def test_it_is_ready_within_seconds_of_a_first_start(kafka):
    started = time.monotonic()
    with temporary_broker(artifacts=kafka) as broker:
        # 3 s where nothing else runs; the limit leaves room for a busy machine.
        assert time.monotonic() - started < 60
        assert broker.is_ready()
        found = AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=SECONDS)
        assert found.cluster_id == broker.cluster_id
        home = broker.place.home
    assert not home.exists()


def test_what_it_acknowledged_survives_sigkill(broker, admin):
    make_topic(admin, "survives")
    sent = [b"%d" % number for number in range(500)]
    assert produce(broker, "survives", sent) == []
    cluster = broker.cluster_id
    broker.kill()
    assert broker.pid is None
    broker.start()
    assert broker.cluster_id == cluster
    assert read(broker, "survives", len(sent)) == sent


def test_an_orderly_stop_ends_it_and_may_be_asked_twice(broker):
    broker.stop()
    assert broker.pid is None
    broker.stop()
    assert not broker.is_ready()


def test_a_broker_that_another_command_started_is_found(broker, capsys):
    home = str(broker.place.home)
    assert main(["status", "--home", home]) == 0
    assert f"ready at {broker.address}" in capsys.readouterr().out
    assert main(["kill", "--home", home]) == 0
    assert broker.pid is None
    assert main(["status", "--home", home]) == 3


def test_wiping_leaves_an_empty_broker_of_another_cluster(broker, admin):
    make_topic(admin, "wiped")
    cluster = broker.cluster_id
    broker.stop()
    broker.wipe()
    assert broker.cluster_id is None
    broker.start()
    assert broker.cluster_id != cluster
    assert AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=SECONDS).topics == {}


def test_wiping_is_refused_while_it_runs(broker):
    with pytest.raises(BrokerTrouble, match="stop it first") as refused:
        broker.wipe()
    assert refused.value.code == "still_running"
    assert broker.is_ready()


def test_starting_twice_is_refused(broker):
    with pytest.raises(
        BrokerTrouble, match=f"already runs at {broker.address}, process {broker.pid}"
    ) as refused:
        Broker(broker.place.home, port=ports.free_port()).start()
    assert refused.value.code == "already_running"


@pytest.mark.parametrize("taken", ["clients", "controller"])
def test_a_taken_port_is_named_before_anything_starts(kafka, tmp_path, taken):
    broker = Broker(
        tmp_path / "home", port=ports.free_port(), controller_port=ports.free_port(), artifacts=kafka
    )
    port = broker.port if taken == "clients" else broker.controller_port
    with (
        socket.create_server((ports.HOST, port)),
        pytest.raises(BrokerTrouble, match=f"Port {port} on 127.0.0.1 is taken") as refused,
    ):
        broker.start()
    assert refused.value.code == "port_taken"
    assert not broker.place.home.exists()


def test_free_ports_are_below_those_lent_to_outgoing_connections():
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(ports.free_port() < end for _ in range(50))


def test_a_broker_that_dies_at_start_leaves_its_last_words_and_no_process(kafka):
    with temporary_broker(artifacts=kafka) as broker:
        broker.stop()
        meta = broker.place.data / "meta.properties"
        meta.write_text(meta.read_text().replace("node.id=1", "node.id=2"))
        with pytest.raises(
            BrokerTrouble, match="Stored node id 2 doesn't match previous node id 1"
        ) as refused:
            broker.start()
        assert refused.value.code == "broker_died"
        assert str(broker.place.log) in refused.value.mend
        assert "unregistered" not in refused.value.wrong, "words of the run before"
        assert broker.pid is None


def test_data_without_their_description_are_not_formatted_over(kafka, tmp_path):
    broker = Broker(tmp_path, port=ports.free_port(), artifacts=kafka)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "task-events-0").mkdir()
    with pytest.raises(BrokerTrouble, match="scripts/broker wipe") as refused:
        broker.prepare()
    assert refused.value.code == "data_damaged"
    assert (tmp_path / "data" / "task-events-0").exists()


def test_a_process_that_got_the_number_of_one_that_is_gone_is_left_alone(tmp_path):
    broker = Broker(tmp_path, port=ports.free_port())
    broker.place.pid.write_text(f"{os.getpid()}\n")
    assert broker.pid is None
    broker.kill()


def test_a_topic_is_not_made_by_its_first_message(broker, admin):
    errors = produce(broker, "mispelled-events", [b"lost"], **{"topic.metadata.propagation.max.ms": 0})
    assert [error.code() for error in errors] == [KafkaError.UNKNOWN_TOPIC_OR_PART]
    assert "mispelled-events" not in admin.list_topics(timeout=SECONDS).topics


def test_topics_are_made_once_with_the_partitions_of_topics_toml(broker, admin):
    assert sorted(broker_topics.ensure_topics(broker.address)) == sorted(partitions_by_topic())
    assert broker_topics.ensure_topics(broker.address) == []
    found = admin.list_topics(timeout=SECONDS).topics
    assert {name: len(found[name].partitions) for name in partitions_by_topic()} == partitions_by_topic()


def settings_of(admin, topic):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {
        name: entry.value
        for name, entry in admin.describe_configs([resource])[resource].result(SECONDS).items()
    }


def test_topics_are_never_compacted_even_where_somebody_set_it(broker, admin):
    admin.delete_topics(list(admin.list_topics(timeout=SECONDS).topics))
    topic, partitions = next(iter(partitions_by_topic().items()))
    wait_until(lambda: topic not in admin.list_topics(timeout=SECONDS).topics)
    make_topic(admin, topic, partitions, **{"cleanup.policy": "compact"})
    broker_topics.ensure_topics(broker.address)
    assert settings_of(admin, topic).items() >= broker_topics.SETTINGS.items()
    assert broker_topics.SETTINGS["cleanup.policy"] == "delete"


def wait_until(holds):
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_topic_with_another_number_of_partitions_is_refused(kafka, capsys):
    with temporary_broker(artifacts=kafka) as broker:
        make_topic(AdminClient({"bootstrap.servers": broker.address}), "task-events", 3)
        assert broker_topics.main(["--bootstrap", broker.address]) == 1
    said = capsys.readouterr().err
    assert "Topic task-events has 3 partitions on the broker, and topics.toml says 12" in said
    assert "[topic_partitions]" in said


def test_an_edit_of_the_longest_description_fits_into_a_message(broker):
    broker_topics.ensure_topics(broker.address)
    before_and_after = b"\\ud83d\\ude00" * 200_000
    limit = {"message.max.bytes": broker_topics.MESSAGE_BYTES}
    assert produce(broker, "task-events", [before_and_after], **limit) == []


def test_topics_on_a_broker_that_is_not_there_are_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(kafka_topics, "ANSWER_SECONDS", 1.0)
    assert broker_topics.main(["--bootstrap", f"127.0.0.1:{ports.free_port()}"]) == 1
    assert "[broker_unreachable]" in capsys.readouterr().err


def test_without_java_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BrokerTrouble, match="apt-get install --no-install-recommends openjdk-17-jre"
    ) as refused:
        java.find_java()
    assert refused.value.code == "java_missing"


def test_a_java_home_without_java_is_not_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BrokerTrouble, match=f"JAVA_HOME is {tmp_path}, which has no bin/java"):
        java.find_java()


@pytest.mark.parametrize(
    ("says", "is_version"), [('openjdk version "11.0.2" 2019-01-15', 11), ('java version "1.8.0_292"', 8)]
)
def test_a_java_that_is_too_old_is_refused(monkeypatch, tmp_path, says, is_version):
    program = tmp_path / "java"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(BrokerTrouble, match=f"is {is_version}\\.") as refused:
        java.find_java()
    assert refused.value.code == "java_too_old"


def test_without_maven_and_jars_it_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerTrouble, match="install Maven") as refused:
        Artifacts(tmp_path / "kafka").install()
    assert refused.value.code == "maven_missing"


def test_jars_that_are_here_need_no_maven(kafka, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kafka.install() is False


def test_starting_without_the_jars_says_how_to_fetch_them(tmp_path):
    with pytest.raises(BrokerTrouble, match="scripts/broker install") as refused:
        Broker(tmp_path / "home", port=ports.free_port(), artifacts=Artifacts(tmp_path / "none")).start()
    assert refused.value.code == "not_installed"


def test_a_jar_with_other_contents_is_refused(kafka, tmp_path):
    lib = tmp_path / "lib"
    shutil.copytree(kafka.lib, lib)
    jars.refuse_others(lib)
    changed = lib / f"kafka-clients-{jars.kafka_version()}.jar"
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(BrokerTrouble, match=f"are not those of jars.sha256: {changed.name}") as refused:
        jars.refuse_others(lib)
    assert refused.value.code == "jars_differ"


def test_a_folder_with_any_letters_is_written_as_properties_want_it():
    assert escaped("/srv/täglich") == "/srv/t\\u00e4glich"
    assert escaped("/srv/📒") == "/srv/\\ud83d\\udcd2"
    assert escaped("/srv/back\\slash") == "/srv/back\\\\slash"


def test_the_image_reads_variables_as_the_official_one_does():
    assert image.property_name("KAFKA_LOG_DIRS") == "log.dirs"
    assert image.property_name("KAFKA_A_B__C___D") == "a.b_c-d"
    given = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_HEAP_OPTS": "-Xmx256m",
        "PATH": "/bin",
    }
    assert image.settings_from(given) == {
        "node.id": "1",
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
    }
    assert image.settings_from({"PATH": "/bin"}) == image.DEFAULTS


def test_the_image_refuses_half_a_configuration():
    with pytest.raises(image.ConfigurationError, match="KAFKA_PROCESS_ROLES is not set"):
        image.settings_from({"KAFKA_LOG_DIRS": "/var/lib/kafka/data"})
    with pytest.raises(image.ConfigurationError, match="does not know KAFKA_LOG4J_LOGGERS"):
        image.settings_from({"KAFKA_LOG4J_LOGGERS": "kafka=DEBUG"})


def test_an_official_image_is_never_replaced_by_ours():
    assert may_replace(None)
    assert may_replace({"daybook.kafka": "4.3.1"})
    assert not may_replace({})
    assert not may_replace({"maintainer": "Apache Kafka"})
