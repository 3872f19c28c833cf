"""Topics of their own for tests, on the session's broker."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord, TopicPartition

Headers = Sequence[tuple[str, bytes | None]]


@asynccontextmanager
async def admin(address: str) -> AsyncGenerator[AIOKafkaAdminClient, None]:
    """An administrator."""
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create(
    address: str,
    partitions: int = 1,
    copies: int = 1,
    name: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> str:
    """Make a topic and return its name."""
    topic = name or f"t-{uuid4().hex[:12]}"
    async with admin(address) as client:
        answer = await client.create_topics([NewTopic(topic, partitions, copies, topic_configs=settings or {})])
        assert [each[1] for each in answer.topic_errors] == [0], answer
    return topic


@asynccontextmanager
async def producing(address: str, **options: Any) -> AsyncGenerator[AIOKafkaProducer, None]:
    """A producer as other programs use it."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", enable_idempotence=True, **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def whole(address: str, topic: str, partitions: int = 1) -> list[ConsumerRecord]:
    """All that a topic holds now, partition after partition, read by a bare consumer."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, each) for each in range(partitions)]
        first, past = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        consumer.assign(places)
        for each in places:
            consumer.seek(each, first[each])
        found: list[ConsumerRecord] = []
        while [each for each in places if await consumer.position(each) < past[each]]:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()
