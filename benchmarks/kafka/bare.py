"""The bare peers: what aiokafka's idempotent producer and its consumer do alone, with records of 300 bytes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

PARTITIONS = 4
RECORD = b"x" * 300
AHEAD = 5_000
"""How many records are on their way at once."""


class Bare:
    """A topic of its own, a producer and a consumer."""

    def __init__(self, address: str, batch_bytes: int = 16_384) -> None:
        self._address, self._batch_bytes = address, batch_bytes
        self._topic = f"bare-{uuid4().hex[:8]}"

    async def open(self) -> None:
        """Make the topic and connect."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._address)
        await admin.start()
        await admin.create_topics([NewTopic(self._topic, PARTITIONS, 1)])
        await admin.close()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._address, acks="all", enable_idempotence=True, max_batch_size=self._batch_bytes
        )
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await self._consumer.start()
        self._consumer.assign([TopicPartition(self._topic, number) for number in range(PARTITIONS)])
        await self.hops(5)

    async def close(self) -> None:
        """Let go."""
        await self._producer.stop()
        await self._consumer.stop()

    async def produce(self, count: int) -> float:
        """Return the seconds in which so many records are acknowledged."""
        began = time.perf_counter()
        under_way: deque[Awaitable[object]] = deque()
        for number in range(count):
            under_way.append(await self._producer.send(self._topic, RECORD, partition=number % PARTITIONS))
            if len(under_way) > AHEAD:
                await under_way.popleft()
        while under_way:
            await under_way.popleft()
        return time.perf_counter() - began

    async def consume(self, count: int) -> float:
        """Return the seconds in which so many records are read."""
        began, seen = time.perf_counter(), 0
        while seen < count:
            seen += sum(map(len, (await self._consumer.getmany(timeout_ms=1_000)).values()))
        return time.perf_counter() - began

    async def hops(self, count: int) -> list[float]:
        """Return the milliseconds from producing one record to having read it."""
        took: list[float] = []
        for _ in range(count):
            await asyncio.sleep(0.02)
            began = time.perf_counter()
            sent = await self._producer.send(self._topic, RECORD, partition=0)
            await self.consume(1)
            took.append((time.perf_counter() - began) * 1_000)
            await sent
        return took
