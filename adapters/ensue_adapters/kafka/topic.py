"""A topic as an ingester reads it: partitions assigned by hand, offsets kept elsewhere, bytes left as they are.

No consumer group, no committed offsets: aiokafka fetches what it is told to, from where it is told to. After any error
the client is of no use any more: it may have moved past records that it did not return.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from aiokafka import AIOKafkaClient, AIOKafkaConsumer, errors
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import ConsumerRecord, TopicPartition

from ensue_adapters.kafka.letters import DeadLetters
from ensue_adapters.kafka.place import Place, parse_url, redacted
from ensue_adapters.kafka.trouble import Trouble, probe, translate
from ensue_core.clock import Clock
from ensue_core.errors import ConfigError, TopicUnavailable
from ensue_core.topics import Letter, Message, OpenTopic, Span, Topic

REQUEST_MS = 10_000
"""How long a broker may take to answer."""

METADATA_MS = 30_000
"""How often leaders and partitions are asked for."""

PARTITION_BYTES = 1024 * 1024
"""How much of a partition is fetched ahead."""


class KafkaTopic:
    """One topic of a Kafka cluster. It belongs to the event loop that opens it."""

    def __init__(self, place: Place, namespace: str, clock: Clock) -> None:
        self._place = place
        self._name = place.name
        self._clock = clock
        self._client: AIOKafkaClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._letters = DeadLetters(place, namespace, clock)
        self._reached: dict[int, int] = {}

    async def open(self) -> None:
        """Connect, and see that the topic exists."""
        arguments = self._place.client()
        try:
            client = self._client = AIOKafkaClient(request_timeout_ms=REQUEST_MS, **arguments)
            await client.bootstrap()
            await self._partitions()
            # Until `start` it holds nothing that must be closed, and complains if it is.
            consumer = AIOKafkaConsumer(
                request_timeout_ms=REQUEST_MS,
                metadata_max_age_ms=METADATA_MS,
                max_partition_fetch_bytes=PARTITION_BYTES,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                **arguments,
            )
            self._consumer = consumer
            await consumer.start()
        except Trouble as error:
            raise await probe(self._place, self._name, error) from error

    async def close(self) -> None:
        """Let go of everything. Repeating it does nothing."""
        consumer, self._consumer = self._consumer, None
        client, self._client = self._client, None
        await self._letters.close()
        # In tasks of their own: stopping may raise a CancelledError that is not ours.
        if consumer is not None:
            await asyncio.gather(consumer.stop(), return_exceptions=True)
        if client is not None:
            await asyncio.gather(client.close(), return_exceptions=True)

    async def spans(self) -> Mapping[int, Span]:
        """Return what each partition holds now."""
        consumer = self._opened()
        try:
            places = [TopicPartition(self._name, each) for each in await self._partitions()]
            first = await consumer.beginning_offsets(places)
            past = await consumer.end_offsets(places)
        except Trouble as error:
            raise translate(error, self._place, self._name) from error
        return {each.partition: Span(first[each], past[each]) for each in places}

    async def assign(self, after: Mapping[int, int]) -> None:
        """Read these partitions from now on, each past an offset, and no others."""
        consumer = self._opened()
        places = {TopicPartition(self._name, partition): at for partition, at in after.items()}
        consumer.assign(list(places))
        # Before anything else can happen: no position is ever asked of the brokers.
        for place, at in places.items():
            consumer.seek(place, at + 1)
        self._reached = dict(after)

    async def read(self, limit: int, timeout: float) -> Mapping[int, Sequence[Message]]:
        """Return up to `limit` records of the assigned partitions; waits for the first."""
        consumer = self._opened()
        try:
            found = await consumer.getmany(timeout_ms=max(int(timeout * 1000), 1), max_records=limit)
            if not found:
                for partition in self._reached:
                    self._reached[partition] = await consumer.position(TopicPartition(self._name, partition)) - 1
        except Trouble as error:
            raise translate(error, self._place, self._name) from error
        for place, records in found.items():
            self._reached[place.partition] = records[-1].offset
        return {place.partition: [message_of(each) for each in records] for place, records in found.items()}

    def reached(self) -> Mapping[int, int]:
        """Return how far each assigned partition has been read, past what holds no records too."""
        return self._reached

    async def park(self, letters: Sequence[Letter]) -> None:
        """Put records into the dead-letter topic; durable on return."""
        await self._letters.park(letters)

    async def letters(self) -> AsyncIterator[Letter]:
        """Yield what is in the dead-letter topic for this namespace."""
        async for each in self._letters.all():
            yield each

    async def resend(self, letters: Sequence[Letter]) -> None:
        """Send parked records to their topic again, and mark them."""
        await self._letters.resend(letters)

    async def _partitions(self) -> list[int]:
        """Ask for the topic's partitions; unlike the client's own questions, this never makes a topic."""
        assert self._client is not None
        return await partitions_of(self._client, self._name)

    def _opened(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise TopicUnavailable(f"topic {self._name!r} is not open: open it first")
        return self._consumer


async def partitions_of(client: AIOKafkaClient, topic: str) -> list[int]:
    """Return a topic's partitions. Raises the error that the broker answers."""
    node = client.get_random_node()
    if node is None:
        raise errors.KafkaConnectionError("no broker is known")
    answer = await client.send(node, MetadataRequest([topic], allow_auto_topic_creation=False))
    (code, _, _, partitions) = answer.topics[0]
    error = errors.for_code(code)
    if error is not errors.NoError:
        raise error(topic)
    return sorted(each[1] for each in partitions)


def message_of(record: ConsumerRecord) -> Message:
    """Return a record as the engine sees it."""
    time = record.timestamp * 1000 if record.timestamp > 0 else 0
    return Message(record.partition, record.offset, time, record.key, record.value, record.headers)


def open_topic(url: str, namespace: str, clock: Clock) -> Topic:
    """Return the topic that a URL names, not yet open; raises `ConfigError` for a bad URL."""
    place, rest = parse_url(url)
    if rest:
        raise ConfigError(f"{redacted(url)!r}: unknown option {sorted(rest)[0]!r} (docs: Kafka)")
    if not place.name or "/" in place.name:
        raise ConfigError(f"{redacted(url)!r} names no topic: write kafka://broker:9092/orders")
    place.client()  # certificates that cannot be read are found here
    return KafkaTopic(place, namespace, clock)


_: OpenTopic = open_topic
