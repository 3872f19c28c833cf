"""What only a real Kafka topic has: transactions, codecs, compaction, retention, sizes, new partitions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ensue import Engine
from ensue_adapters.kafka.letters import SUFFIX
from ensue_adapters.kafka.topic import open_topic
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.errors import TopicUnavailable
from ensue_core.facts import EventEmitted, RecordsMissed
from ensue_core.records import Record
from ensue_core.rows import TopicRow
from ensue_core.topics import Letter, Message
from tests.kafka.topics import admin, create, producing, whole
from tests.servers.kafka import OLDER, Kafka, cluster


async def taken(engine: Engine, topic: str, offsets: int) -> list[Record]:
    """Wait until so many offsets were taken, and return the log."""
    rows: list[TopicRow] = []
    for _ in range(400):
        rows = list(await engine.store.offsets.rows(topic))
        if sum(row.through + 1 for row in rows) >= offsets:
            records: list[Record] = []
            while page := await engine.store.log.read(len(records), 1_000):
                records += page
            return records
        await asyncio.sleep(0.05)
    raise AssertionError(f"{offsets} offsets were not taken in 20 s: {rows}")


def payloads(records: list[Record]) -> list[bytes]:
    """The payloads of all events."""
    return [bytes(each.fact.payload) for each in records if isinstance(each.fact, EventEmitted)]


def engine_of(kafka: Kafka | str, topic: str, options: str = "format=json", url: str = "memory:") -> Engine:
    """An engine that takes a topic of plain JSON in."""
    address = kafka if isinstance(kafka, str) else kafka.address
    engine = Engine(url)
    engine.ingest(f"kafka://{address}/{topic}?{options}", event="order.paid")
    return engine


async def test_only_what_was_committed_is_taken_in_and_the_marks_between_are_passed(kafka: Kafka) -> None:
    topic = await create(kafka.address)
    async with producing(kafka.address, transactional_id=f"tx-{topic}") as producer:
        for number in range(6):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"%d" % number)
            await (producer.abort_transaction if number % 2 else producer.commit_transaction)()
    engine = engine_of(kafka, topic)
    async with engine.running(only=["ingester"]):
        # Each transaction ends with a mark that is an offset of its own.
        assert payloads(await taken(engine, topic, 12)) == [b"0", b"2", b"4"]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_of_kafka_is_read(kafka: Kafka, codec: str) -> None:
    topic = await create(kafka.address)
    async with producing(kafka.address, compression_type=codec) as producer:
        await asyncio.gather(*[await producer.send(topic, b"%d" % number) for number in range(50)])
    engine = engine_of(kafka, topic)
    async with engine.running(only=["ingester"]):
        assert payloads(await taken(engine, topic, 50)) == [b"%d" % number for number in range(50)]


async def test_records_larger_than_a_fetch_are_parked_and_the_topic_goes_on(kafka: Kafka) -> None:
    topic = await create(kafka.address, settings={"max.message.bytes": str(8 * 1024 * 1024)})
    large = b'"' + b"x" * 5_000_000 + b'"'
    async with producing(kafka.address, max_request_size=9_000_000) as producer:
        for value in (b"1", large, b"2"):
            await producer.send_and_wait(topic, value)
    engine = engine_of(kafka, topic)
    async with engine.running(only=["ingester"]):
        assert payloads(await taken(engine, topic, 3)) == [b"1", b"2"]
    (letter,) = await whole(kafka.address, topic + SUFFIX)
    assert letter.value == large
    assert dict(letter.headers)["ensue-dead-reason"] == b"payload of order.paid has 5000002 bytes, more than 262144: " \
        b"store it elsewhere and pass a reference"  # fmt: skip
    assert dict(letter.headers)["ensue-dead-offset"] == b"1"


async def test_a_letter_that_the_dead_letter_topic_does_not_take_is_cut_and_says_so(kafka: Kafka) -> None:
    topic = await create(kafka.address)
    await create(kafka.address, name=topic + SUFFIX, settings={"max.message.bytes": "400000"})
    parked = open_topic(kafka.url(topic), "a", SYSTEM_CLOCK)
    await parked.open()
    try:
        await parked.park([Letter(Message(0, 0, 0, None, b"x" * 900_000), "large"), Letter(Message(0, 1), "small")])
        large, small = [each async for each in parked.letters()]
        assert len(large.message.value or b"") == 256 * 1024
        assert ("ensue-dead-truncated", b"900000") in large.message.headers
        assert small.message == Message(0, 1)
        with pytest.raises(TopicUnavailable, match="record 0:0 is too large to be kept whole"):
            await parked.resend([large])
    finally:
        await parked.close()


async def test_what_retention_deleted_unread_is_a_fact(kafka: Kafka) -> None:
    topic = await create(kafka.address)
    async with producing(kafka.address) as producer:
        await producer.send_and_wait(topic, b"0")
        engine = engine_of(kafka, topic, url=f"memory://{topic}")
        async with engine.running(only=["ingester"]):
            await taken(engine, topic, 1)
        for number in range(1, 6):
            await producer.send_and_wait(topic, b"%d" % number)
    await delete_before(kafka.address, topic, 4)
    again = engine_of(kafka, topic, url=f"memory://{topic}")
    async with again.running(only=["ingester"]):
        records = await taken(again, topic, 6)
    assert payloads(records) == [b"0", b"4", b"5"]
    assert [each.fact for each in records if isinstance(each.fact, RecordsMissed)] == [RecordsMissed(topic, 0, 1, 3)]


async def delete_before(address: str, topic: str, offset: int) -> None:
    """Delete a partition's first records, as retention does."""
    from aiokafka.admin import RecordsToDelete
    from aiokafka.structs import TopicPartition

    async with admin(address) as client:
        await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})


async def test_a_topic_that_was_made_anew_is_refused(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    topic, anew = await create(kafka.address), await create(kafka.address)
    async with producing(kafka.address) as producer:
        for number in range(3):
            await producer.send_and_wait(topic, b"%d" % number)
    engine = engine_of(kafka, topic, url=f"memory://{topic}")
    async with engine.running(only=["ingester"]):
        await taken(engine, topic, 3)
    again = engine_of(kafka, anew, f"format=json&name={topic}", url=f"memory://{topic}")
    async with again.running(only=["ingester"]):
        for _ in range(100):
            if "was made anew" in caplog.text:
                break
            await asyncio.sleep(0.05)
    assert f"topic {topic}: partition 0 ends at offset 0, but 3 were taken in: the topic was made anew" in caplog.text


async def test_the_line_of_brokers_before_works_as_well(tmp_path: Path) -> None:
    with cluster(OLDER) as brokers:
        topic = await create(brokers.address, 2)
        async with producing(brokers.address) as producer:
            for number in range(100):
                await producer.send_and_wait(topic, b"%d" % number, partition=number % 2)
            await producer.send_and_wait(topic, b"{", partition=0)
        engine = engine_of(brokers.address, topic, url=f"sqlite:///{tmp_path}/log.db")
        async with engine.running(only=["ingester"]):
            found = payloads(await taken(engine, topic, 101))
        assert sorted(found, key=int) == [b"%d" % number for number in range(100)]
        assert len(await whole(brokers.address, topic + SUFFIX)) == 1
