"""Taking a topic in: a backlog of records from a real broker into the log, beside a bare consumer and bare inserts.

The bound is half of the slower of the two, in the same run: a consumer that only reads the same records, and batches
of as many rows into a table like the log. CloudEvents bring ids of their own, which must count once for ever: their
rows have ids in no order, and a row whose id is there is left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from benchmarks import programs
from benchmarks.figures import Figure, Run, median
from benchmarks.postgres.bare import Bare
from benchmarks.postgres.databases import connected, database
from ensue import Engine
from ensue.ingest.declared import Format
from tests.kafka.topics import create, producing
from tests.servers.kafka import Kafka, running

BATCH = 1_000
PARTITIONS = 2

Record = tuple[bytes, list[tuple[str, bytes]]]

_DATA = b'{"order":"o-%d","total":42.5,"currency":"EUR","lines":[{"sku":"a","count":2},{"sku":"b","count":1}]}'


def _plain(number: int) -> Record:
    return _DATA % number, []


def _binary(number: int) -> Record:
    said = {"ce_specversion": b"1.0", "ce_id": b"%d" % number, "ce_source": b"/shop", "ce_type": b"noise"}
    return _DATA % number, [*said.items(), ("content-type", b"application/json")]


def _structured(number: int) -> Record:
    head = (
        b'{"specversion":"1.0","id":"%d","source":"/shop","type":"noise","datacontenttype":"application/json","data":'
    )
    return head % number + _DATA % number + b"}", []


FORMATS: dict[str, tuple[Format, Callable[[int], Record]]] = {
    "plain JSON": ("json", _plain),
    "CloudEvents, binary": ("cloudevents", _binary),
    "CloudEvents, structured": ("cloudevents", _structured),
}


async def measure(run: Run) -> list[Figure]:
    """Measure each format from a topic of its own."""
    count = run.pick(60_000, 200)
    figures: list[Figure] = []
    with running() as kafka:
        async with database(run.server, "bench_ingest") as url, connected(url) as connection:
            bare = Bare(connection)
            await bare.make()
            for name, (format, record) in FORMATS.items():
                topic = name.replace(", ", "_").replace(" ", "_").lower()
                await _produce(kafka, topic, count, record)
                consumer = await _consume(kafka, topic, count)
                rounds = max(count // BATCH // 4, 1)
                inserts = median([BATCH / await bare.insert(BATCH, format == "cloudevents") for _ in range(rounds)])
                taken = await _take_in(run.on(url).url(f"ingest_{topic}"), kafka.url(topic), format, count)
                figures += [
                    Figure(
                        "ingest", name, taken, "/s", 0.5, "more", of="ratio", bare=min(consumer, inserts),
                        note=f"bare consumer {consumer:,.0f}/s, bare inserts of {BATCH:,} rows {inserts:,.0f}/s",
                    )
                ]  # fmt: skip
    return figures


async def _produce(kafka: Kafka, topic: str, count: int, record: Callable[[int], Record]) -> None:
    await create(kafka.address, PARTITIONS, name=topic)
    async with producing(kafka.address, linger_ms=5, max_batch_size=256 * 1024) as producer:
        sent: list[Awaitable[object]] = []
        for number in range(count):
            value, headers = record(number)
            sent.append(await producer.send(topic, value, partition=number % PARTITIONS, headers=headers))
        await asyncio.gather(*sent)


async def _consume(kafka: Kafka, topic: str, count: int) -> float:
    """Return how many records a second come to a consumer that does nothing with them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.address, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, each) for each in range(PARTITIONS)]
        began, seen = time.perf_counter(), 0
        consumer.assign(places)
        for each in places:
            consumer.seek(each, 0)
        while seen < count:
            found = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
            seen += sum(map(len, found.values()))
        return count / (time.perf_counter() - began)
    finally:
        await consumer.stop()


async def _take_in(url: str, topic: str, format: Format, count: int) -> float:
    """Return how many records a second an ingester alone takes in, from its start."""
    engine: Engine = programs.pings(url)
    engine.ingest(topic, event="noise", format=format)
    async with engine.running(only=("ingester",)):
        position = (await engine.store.log.head()).position
        began, seen = time.perf_counter(), 0
        while seen < count:
            position = await engine.store.log.wait(position, 1.0) or position
            seen = sum([row.events for row in await engine.store.offsets.rows(topic.rsplit("/", 1)[-1])])
        return count / (time.perf_counter() - began)
