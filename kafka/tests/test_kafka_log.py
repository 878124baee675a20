"""What only Kafka can do to a log: lose topics, offsets and whole volumes, repeat itself, and go away for a while."""

from __future__ import annotations

import logging
import secrets
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from broker.broker import Broker
from broker.temporary import temporary_broker
from broker.topics import ensure_topics
from consumers.runner import Runner
from relay import publisher as publishing
from relay.publisher import DeliveryFailed
from relay.watermark import Watermark, WatermarkMoved, publish_again_from
from stream.config import read_relay_config
from tms_events.log.base import LEASE, EventLog
from tms_events.log.kafka import KafkaLog
from tms_events.topics import partition_for
from tms_testing.kafka_broker import kafka_or_skip
from tms_testing.kafka_feed import KafkaFeed, read_all
from tms_testing.log import Log
from tms_testing.members import SEEN_TABLE, TOPIC, open_engine, recorder
from tms_testing.stories import TaskStory, sequence_all, write
from tms_testing.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.serial]

SHORT = 1.5
SECONDS = 30.0


@dataclass
class Stage:
    """One task's story told over Kafka to one group."""

    log: Log
    feed: KafkaFeed
    story: TaskStory = field(default_factory=lambda: TaskStory(1).created())
    told: int = 0
    group: str = field(default_factory=lambda: f"readers-{secrets.token_hex(4)}")
    opened: list[EventLog] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, int]:
        return TOPIC, partition_for(TOPIC, "task", "1")

    def more(self, facts: int, *, publish: bool = True) -> None:
        """Tell so many more facts of the task."""
        while len(self.story.events) < self.told + facts:
            self.story.retitled(f"Title {len(self.story.events)}")
        write(self.log.database.web_url, self.story.events[self.told : self.told + facts])
        sequence_all(self.log.database.relay_url)
        self.told += facts
        if publish:
            self.feed.publish()

    def member(self, name: str = "one", engine: str = "kafka") -> EventLog:
        event_log = open_engine(
            engine,
            self.log.database.consumers_url,
            self.group,
            name,
            SHORT,
            bootstrap=self.feed.bootstrap,
        )
        self.opened.append(event_log)
        return event_log

    def runner(self, name: str = "one", engine: str = "kafka") -> Runner:
        return Runner(recorder(self.group, name), self.member(name, engine), stop=threading.Event())

    def seen(self) -> list[int]:
        """The versions handled, in the order they were."""
        rows = self.log.rows('SELECT version FROM seen WHERE "group" = %s ORDER BY place', self.group)
        return [row[0] for row in rows]

    def drain(self, *runners: Runner) -> None:
        """Until all that was told is handled; each must have been handled once and in order."""

        def step() -> bool:
            for runner in runners:
                runner.step(0.02)
            return len(self.seen()) >= self.told

        wait_until(step, f"{self.told} facts handled", SECONDS)
        assert self.seen() == list(range(1, self.told + 1))

    def watermark(self) -> int:
        return self.log.value("SELECT seq FROM event_published")

    def pretend_published(self) -> None:
        """The watermark says that Kafka has everything; what was not published yet, it never gets."""
        self.log.owner.execute(
            "UPDATE event_published SET seq = last_seq, lease_owner = NULL, lease_until = NULL FROM sequencer"
        )
        self.feed.publisher.discard()

    def position(self) -> tuple[int, int | None, str | None]:
        (row,) = self.log.rows(
            'SELECT last_seq, kafka_offset, kafka_topic FROM consumer_position WHERE "group" = %s '
            "AND (topic, partition) = (%s, %s)",
            self.group,
            *self.place,
        )
        return row

    def close(self) -> None:
        for event_log in self.opened:
            event_log.close()
        self.feed.close()


def staged(log: Log, broker: Broker) -> Iterator[Stage]:
    log.owner.execute(SEEN_TABLE)
    stage = Stage(log, KafkaFeed(log, broker.address))
    stage.feed.begin(stage.group, [TOPIC])
    yield stage
    stage.close()


@pytest.fixture
def stage(log, kafka_broker) -> Iterator[Stage]:
    yield from staged(log, kafka_broker)


@pytest.fixture(scope="module")
def hurt_broker() -> Iterator[Broker]:
    """One that may be stopped, killed and wiped."""
    with temporary_broker(artifacts=kafka_or_skip()) as broker:
        yield broker


@pytest.fixture
def broker(hurt_broker) -> Broker:
    if hurt_broker.pid is None:
        hurt_broker.start()
    ensure_topics(hurt_broker.address)
    return hurt_broker


@pytest.fixture
def hurt(log, broker) -> Iterator[Stage]:
    yield from staged(log, broker)


def messages_of(stage: Stage) -> list[int]:
    """The seqs that Kafka has of this test's era in the story's partition."""
    era = stage.log.value("SELECT era FROM sequencer")
    return [mark.seq for mark in read_all(stage.feed.bootstrap, [TOPIC])[stage.place] if mark.era == era]


def send(stage: Stage, value: bytes, **headers: str) -> None:
    """A message into the story's partition that no relay wrote."""
    producer = Producer({"bootstrap.servers": stage.feed.bootstrap, "acks": "all"})
    topic, partition = stage.place
    producer.produce(topic, value, partition=partition, headers=list(headers.items()))
    assert producer.flush(SECONDS) == 0


# --- from where it reads


def test_events_come_from_kafka_and_not_from_the_tables(stage):
    runner = stage.runner()
    for _ in range(3):
        stage.more(5)
        stage.drain(runner)
    assert runner._event_log.read_from_tables == 0
    last_seq, offset, topic = stage.position()
    assert (last_seq, offset is not None, topic is not None) == (15, True, True)


def test_a_stored_offset_is_where_the_next_member_goes_on(stage):
    stage.more(5)
    first = stage.runner("one")
    stage.drain(first)
    first._event_log.close()
    stage.more(5)
    second = stage.runner("two")
    stage.drain(second)
    assert second._event_log.read_from_tables == 0


def test_a_group_without_offsets_reads_the_tables_first_and_then_kafka(stage):
    stage.log.owner.execute("UPDATE consumer_position SET kafka_offset = NULL")
    stage.more(7)
    runner = stage.runner()
    stage.drain(runner)
    assert runner._event_log.read_from_tables == 7
    stage.more(4)
    stage.drain(runner)
    assert runner._event_log.read_from_tables == 7


@pytest.mark.parametrize("facts", [999, 1000, 1001])
def test_a_long_way_to_catch_up_is_read_in_batches_to_the_very_end(stage, facts):
    stage.log.owner.execute("UPDATE consumer_position SET kafka_offset = NULL")
    stage.more(facts, publish=False)
    stage.pretend_published()
    runner = stage.runner()
    stage.drain(runner)
    stage.more(1)
    stage.drain(runner)
    # A batch that is just full does not show that it was the last: what came meanwhile is read with the next.
    assert facts <= runner._event_log.read_from_tables <= facts + (facts == 1000)


def test_an_offset_beyond_the_end_is_caught_up_from_the_tables(stage):
    stage.more(5)
    stage.log.owner.execute("UPDATE consumer_position SET kafka_offset = kafka_offset + 1000")
    runner = stage.runner()
    stage.drain(runner)
    stage.more(5)
    stage.drain(runner)
    assert runner._event_log.read_from_tables == 5


def test_an_offset_that_retention_took_is_caught_up_from_the_tables(stage):
    """Nothing jumps to another offset in silence: out of range is an error, and an error is read from the tables."""
    stage.more(5)
    admin = AdminClient({"bootstrap.servers": stage.feed.bootstrap})
    for future in admin.delete_records([TopicPartition(*stage.place, -1)]).values():
        future.result(SECONDS)
    stage.more(3)
    runner = stage.runner()
    stage.drain(runner)
    assert runner._event_log.read_from_tables >= 8
    stage.more(2)
    stage.drain(runner)


# --- what Kafka repeats, lacks or never should have had


@pytest.mark.parametrize("taken_between", [True, False])
def test_repeats_are_dropped(stage, taken_between):
    """Whether they come after the first ones were taken, or in one go with them."""
    runner = stage.runner()
    stage.more(8)
    if taken_between:
        stage.drain(runner)
    stage.log.owner.execute("UPDATE event_published SET seq = 4")
    stage.feed.publisher.discard()
    stage.feed.publish()
    stage.more(2)
    stage.drain(runner)
    assert messages_of(stage) == [1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8, 9, 10]
    assert runner._event_log.read_from_tables == 0


def test_a_hole_is_read_from_the_tables_before_what_follows(stage):
    runner = stage.runner()
    stage.more(3)
    stage.drain(runner)
    stage.more(4, publish=False)
    stage.pretend_published()
    stage.more(2)
    stage.drain(runner)
    assert messages_of(stage) == [1, 2, 3, 8, 9]
    assert runner._event_log.read_from_tables >= 4


def test_what_was_published_and_never_comes_is_read_from_the_tables(stage):
    """A volume that lost its last messages shows no error, and no later message shows the hole."""
    runner = stage.runner()
    stage.more(3)
    stage.drain(runner)
    stage.more(4, publish=False)
    stage.pretend_published()
    stage.drain(runner)
    assert messages_of(stage) == [1, 2, 3]


def test_messages_that_no_relay_wrote_are_skipped_and_hide_nothing(stage, caplog):
    runner = stage.runner()
    stage.more(2)
    stage.drain(runner)
    era = str(stage.log.value("SELECT era FROM sequencer"))
    send(stage, b"hello")
    send(stage, b"not JSON", seq="3", prev_seq="2", era=era)
    send(stage, b"{}", seq="3", prev_seq="2", era=era)
    stage.more(2)
    stage.drain(runner)
    assert caplog.text.count("unreadable_message") == 3


def test_messages_of_another_era_count_for_nothing(stage):
    stage.more(6)
    offset = stage.position()[1]
    stage.feed.change_era()
    stage.log.owner.execute(
        "UPDATE consumer_position SET era = (SELECT era FROM sequencer), kafka_offset = %s, last_seq = 0 "
        "WHERE (topic, partition) = (%s, %s)",
        (offset, *stage.place),
    )
    stage.more(2)
    runner = stage.runner()
    stage.drain(runner)
    assert runner._event_log.read_from_tables == 8
    stage.more(1)
    stage.drain(runner)


def test_after_a_restore_offsets_of_the_era_before_are_not_used(stage):
    first = stage.runner()
    stage.more(6)
    stage.drain(first)
    stage.feed.change_era()
    stage.more(3)
    stage.drain(first)
    stage.more(3)
    stage.drain(first)
    assert stage.log.rows("SELECT count(DISTINCT era) FROM consumer_position") == [(1,)]


def test_an_event_too_large_for_kafka_is_read_from_the_tables(stage, monkeypatch):
    monkeypatch.setattr(publishing, "MESSAGE_BYTES", 4_000)
    runner = stage.runner()
    stage.more(2)
    stage.story.commented("long " * 1000)
    stage.more(1)
    stage.more(1)
    stage.drain(runner)
    assert messages_of(stage) == [1, 2, 4]


# --- topics and volumes that go


def make_again(stage: Stage) -> None:
    admin = AdminClient({"bootstrap.servers": stage.feed.bootstrap})
    admin.delete_topics([TOPIC])[TOPIC].result(SECONDS)
    wait_until(lambda: TOPIC not in admin.list_topics(timeout=SECONDS).topics, "the topic is gone")
    ensure_topics(stage.feed.bootstrap)


def test_a_topic_made_again_while_nobody_reads_is_not_read_from_the_old_offset(hurt):
    hurt.more(4)
    first = hurt.runner("one")
    hurt.drain(first)
    first._event_log.close()
    _, offset, topic = hurt.position()
    make_again(hurt)
    hurt.feed.publisher.discard()
    # As many messages as the old topic had, and more: its offset would lie in the middle of them.
    hurt.more(6)
    second = hurt.runner("two")
    hurt.drain(second)
    hurt.more(1)
    hurt.drain(second)
    assert offset is not None
    assert hurt.position()[2] != topic


def test_a_topic_made_again_under_a_running_member_goes_on(hurt):
    runner = hurt.runner()
    hurt.more(4)
    hurt.drain(runner)
    make_again(hurt)
    hurt.feed.publisher.discard()
    for _ in range(3):
        hurt.more(3)
        hurt.drain(runner)


def test_the_relay_makes_a_topic_that_was_deleted_under_it(hurt):
    hurt.more(2)
    admin = AdminClient({"bootstrap.servers": hurt.feed.bootstrap})
    admin.delete_topics([TOPIC])[TOPIC].result(SECONDS)
    hurt.more(3, publish=False)
    with pytest.raises(DeliveryFailed):
        hurt.feed.publish()
    assert hurt.watermark() == 2
    hurt.feed.publisher.discard()
    hurt.feed.publish()
    assert (hurt.watermark(), messages_of(hurt)) == (5, [3, 4, 5])
    hurt.drain(hurt.runner())


def test_a_volume_wiped_while_stopped_loses_nothing_and_can_be_filled_again(hurt, broker):
    runner = hurt.runner()
    hurt.more(5)
    runner.step(0.5)
    broker.stop()
    broker.wipe()
    broker.start()
    hurt.feed.publisher.discard()
    hurt.more(3)
    hurt.drain(runner)
    assert messages_of(hurt) == [6, 7, 8]
    with hurt.log.owner.transaction():
        assert publish_again_from(1, hurt.log.owner) == 8
    hurt.feed.publisher.discard()
    hurt.feed.publish()
    assert messages_of(hurt) == [6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]
    hurt.more(1)
    hurt.drain(runner)


# --- the publisher


def test_a_second_relay_waits_until_the_first_leaves(stage):
    stage.more(2)
    second = stage.feed.new_publisher("second")
    stage.more(2, publish=False)
    assert second.step() == 0
    stage.feed.publisher.close()
    second.discard()
    assert second.step() == 2
    second.close()
    assert messages_of(stage) == [1, 2, 3, 4]


def test_a_relay_that_was_overtaken_moves_nothing(stage):
    stage.more(2)
    zombie = stage.feed.publisher
    stage.log.owner.execute("UPDATE event_published SET lease_until = now() - interval '1 second'")
    heir = stage.feed.new_publisher("heir")
    stage.more(2, publish=False)
    assert heir.step() == 2
    with pytest.raises(WatermarkMoved):
        zombie.step()
    assert stage.watermark() == 4
    heir.close()
    stage.drain(stage.runner())


def test_a_watermark_that_was_set_back_is_noticed(stage):
    stage.more(4)
    with stage.log.owner.transaction():
        assert publish_again_from(3, stage.log.owner) == 2
    stage.more(1, publish=False)
    with pytest.raises(WatermarkMoved):
        stage.feed.publisher.step()
    stage.feed.publisher.discard()
    stage.feed.publish()
    assert stage.watermark() == 5
    assert messages_of(stage)[-3:] == [3, 4, 5]
    assert publish_again_from(9, stage.log.owner) == 0


def test_only_the_holder_of_the_lease_moves_the_watermark(stage, as_program):
    relay = as_program("relay")
    one, two = Watermark("one", LEASE), Watermark("two", LEASE)
    assert (one.hold(relay), two.hold(relay), one.hold(relay)) == (0, None, 0)
    with pytest.raises(WatermarkMoved):
        two.move(relay, 0, 5)
    with pytest.raises(WatermarkMoved):
        one.move(relay, 1, 5)
    one.move(relay, 0, 5)
    one.give_back(relay)
    assert two.hold(relay) == 5


# --- programs


def environment(stage: Stage, event_log: str = "kafka") -> dict[str, str]:
    return {"EVENT_LOG": event_log, "KAFKA_BOOTSTRAP": stage.feed.bootstrap}


@pytest.mark.kill
def test_the_relay_makes_topics_sequences_and_publishes_until_sigterm(hurt, start):
    admin = AdminClient({"bootstrap.servers": hurt.feed.bootstrap})
    admin.delete_topics([TOPIC])[TOPIC].result(SECONDS)
    wait_until(lambda: TOPIC not in admin.list_topics(timeout=SECONDS).topics, "the topic is gone")
    relay = start(["relay"], environment(hurt))
    write(hurt.log.database.web_url, hurt.story.events)
    hurt.told = 1
    wait_until(lambda: hurt.watermark() == 1, "published", SECONDS)
    hurt.drain(hurt.runner())
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(15) == 0
    assert hurt.log.value("SELECT lease_owner FROM event_published") is None


def test_topics_and_republishing_are_commands(stage, start):
    stage.more(3)
    stage.feed.publisher.close()
    topics = start(["relay", "topics"], environment(stage))
    assert topics.communicate(timeout=SECONDS)[0] == "all topics are there\n"
    again = start(["relay", "--republish-from", "2"], environment(stage))
    assert again.communicate(timeout=SECONDS)[0].startswith("2 events, from seq 2 on, are published again")
    assert stage.watermark() == 1


def test_a_switch_says_what_to_do_and_leaves_a_relay_at_work_alone(stage, start):
    stage.more(2)
    there = start(["relay", "switch-log", "postgres"], environment(stage))
    assert "Start relay and consumers with EVENT_LOG=postgres" in there.communicate(timeout=SECONDS)[0]
    stage.more(1, publish=False)
    nothing = start(["relay", "switch-log", "kafka"], environment(stage))
    assert "publishes to Kafka already" in nothing.communicate(timeout=SECONDS)[0]
    assert stage.watermark() == 2
    stage.feed.publisher.close()
    stage.more(2, publish=False)
    back = start(["relay", "switch-log", "kafka"], environment(stage, "postgres"))
    assert "Kafka gets the events after seq 5" in back.communicate(timeout=SECONDS)[0]
    assert stage.watermark() == 5


def test_an_install_moves_between_the_logs_and_back_while_members_run(stage, start):
    """Positions are seqs on both, and one lease fences both: members of both logs may even run at once."""
    on_kafka = stage.runner("kafka 1")
    stage.more(4)
    stage.drain(on_kafka)
    # To PostgreSQL: the new member comes before the old one leaves.
    stage.feed.publisher.close()
    on_postgres = stage.runner("postgres", "postgres")
    stage.more(4, publish=False)
    on_postgres.step(0.0)
    on_kafka._event_log.close()
    stage.drain(on_postgres)
    stage.more(4, publish=False)
    stage.drain(on_postgres)
    # And to Kafka again.
    assert start(["relay", "switch-log", "kafka"], environment(stage)).wait(SECONDS) == 0
    again = stage.runner("kafka 2")
    stage.more(4)
    again.step(0.0)
    on_postgres._event_log.close()
    stage.drain(again)
    stage.more(4)
    stage.drain(again)
    # Of what Kafka never got, nothing was waited for.
    assert messages_of(stage) == [1, 2, 3, 4, 13, 14, 15, 16, 17, 18, 19, 20]


def test_consumers_say_that_nobody_publishes(stage, caplog):
    runner = stage.runner()
    stage.more(1)
    stage.drain(runner)
    stage.feed.publisher.close()
    stage.more(1, publish=False)
    caplog.set_level(logging.WARNING)
    wait_until(lambda: bool(runner.step(0.1)) or "nobody_publishes" in caplog.text, "the warning", SECONDS)
    stage.feed.publisher.step()
    stage.drain(runner)


def test_the_configured_engine_is_kafkas(stage):
    from consumers.program import open_log
    from consumers.registry import CONSUMERS
    from stream.config import ConsumersConfig
    from stream.wakes import Bell

    config = ConsumersConfig("postgres://x@y/z", "redis://x", "kafka", "INFO", stage.feed.bootstrap)
    assert isinstance(open_log(config, CONSUMERS["analytics"], Bell()), KafkaLog)
    relay = read_relay_config(
        {"RELAY_DATABASE_URL": "postgres://x@y/z", "REDIS_URL": "redis://x", **environment(stage)}
    )
    assert relay.kafka_bootstrap == stage.feed.bootstrap


# --- the broker dies (last, for it has to be started again)


@pytest.mark.kill
def test_a_killed_broker_costs_time_and_nothing_else(hurt, broker):
    runner, relay = hurt.runner(), threading.Thread(target=hurt.feed.publisher.run, daemon=True)
    relay.start()
    try:
        hurt.more(20, publish=False)
        runner.step(0.05)
        broker.kill()
        hurt.more(20, publish=False)
        broker.start()
        hurt.drain(runner)
    finally:
        hurt.feed.publisher._stop.set()
        relay.join(20)
    assert not relay.is_alive()
    seqs = messages_of(hurt)
    assert list(dict.fromkeys(seqs)) == list(range(1, 41))


@pytest.mark.kill
def test_the_watermark_moves_only_when_every_event_was_reported(hurt, broker):
    broker.kill()
    hurt.more(3, publish=False)
    publisher = hurt.feed.publisher
    relay = threading.Thread(target=publisher.run, daemon=True)
    relay.start()
    hurt.more(3, publish=False)
    publisher._stop.wait(1.0)
    assert hurt.watermark() == 0
    publisher._stop.set()
    relay.join(15)
    assert not relay.is_alive()
    assert hurt.watermark() == 0
