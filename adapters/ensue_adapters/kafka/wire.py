"""Kafka as the wire of a log: producers that end with their first error, and a consumer that is told where to read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.structs import ConsumerRecord, TopicPartition

from ensue_adapters.broker.lines import ATTEMPTS, EVENTS, ROLES, STEPS
from ensue_adapters.broker.wire import InDoubt, Lost, Reading, Sent, Unsent, Wire
from ensue_adapters.kafka.layout import Layout, Wanted
from ensue_adapters.kafka.names import topic
from ensue_adapters.kafka.place import Place
from ensue_adapters.kafka.trouble import Trouble, probe, translate
from ensue_core.errors import StoreError, StoreUnavailable
from ensue_projections.ordering import SPINE, Arrived, Line

REQUEST_MS = 10_000
"""How long a broker may take to answer."""

SEND_SECONDS = 12.0
"""How long a record may take; then its producer has ended. The client itself would try for ever."""

READ_SECONDS = 0.5
METADATA_MS = 30_000
BATCH_BYTES = 1024 * 1024
FETCH_BYTES = 4 * 1024 * 1024
SENT_BYTES_MAX = 64 * 1024 * 1024
"""As large as the client lets a record be; what a topic takes is its own affair."""

_REFUSED = (
    errors.MessageSizeTooLargeError,
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.InvalidTopicError,
)
_log = logging.getLogger("ensue.kafka")


class KafkaWire:
    """One namespace's topics. It belongs to the event loop that opens it.

    The spine has a producer of its own: a client sends one request at a time to a broker, and marks and Steps shall
    not wait for what is large.
    """

    def __init__(
        self, place: Place, namespace: str, events: int = 4, attempts: int = 4, replication: int | None = None
    ) -> None:
        self._place = place
        self._topics = {role: topic(place.name, namespace, role) for role in ROLES}
        self._roles = {name: role for role, name in self._topics.items()}
        self._wanted = (
            Wanted(self._topics[EVENTS], events),
            Wanted(self._topics[ATTEMPTS], attempts),
            Wanted(self._topics[STEPS], 1, fixed=True),
        )
        self._replication = replication
        self._lines: tuple[Line, ...] = ()
        self._producers: dict[bool, asyncio.Task[AIOKafkaProducer]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._asking: AIOKafkaConsumer | None = None

    @property
    def lines(self) -> Sequence[Line]:
        """Every partition, by role."""
        return self._lines

    @property
    def name(self) -> str:
        """The brokers and what the topics begin with."""
        return f"kafka://{self._place.shown}/{self._place.name}"

    def topic(self, role: str) -> str:
        """Return the name of a role's topic."""
        return self._topics[role]

    async def open(self) -> str:
        """Connect, make the topics that are missing, and check them; return whose they are."""
        try:
            cluster, partitions = await Layout(self._place, self._replication, REQUEST_MS).see_to(self._wanted)
            self._lines = tuple((role, number) for role in ROLES for number in range(partitions[self._topics[role]]))
            self._asking = await self._consumer()
        except Trouble as error:
            raise StoreUnavailable(str(await probe(self._place, self._topics[STEPS], error))) from error
        return f"{cluster}/{self._topics[STEPS]}"

    async def close(self) -> None:
        """Let go of everything."""
        for task in list(self._producers.values()):
            self._end(task)
        self._producers.clear()
        asking, self._asking = self._asking, None
        if asking is not None:
            await asking.stop()
        if self._ending:
            await asyncio.wait(list(self._ending))

    async def send(self, line: Line, value: bytes) -> Sent:
        """Append a record, durable on return: acknowledged by every replica that is in sync."""
        role, partition = line
        own = line == SPINE
        task = self._producers.get(own)
        if task is None:
            task = self._producers[own] = asyncio.create_task(self._produce(), name="ensue-kafka-producer")
        try:
            producer = await asyncio.shield(task)
        except Trouble as error:
            self._discard(own, task)
            raise Unsent(str(translate(error, self._place, self._topics[role]))) from error
        try:
            async with asyncio.timeout(SEND_SECONDS):
                said = await producer.send_and_wait(self._topics[role], value, partition=partition)
        except _REFUSED as error:
            self._discard(own, task)
            raise self._refusal(error, role, len(value)) from error
        except (*Trouble, AssertionError) as error:
            self._discard(own, task)
            raise InDoubt(f"{self.name}: {type(error).__name__} {error}".rstrip()) from error
        return Sent(said.offset)

    async def reading(self, after: Mapping[Line, int]) -> Reading:
        """Begin to read every partition past an offset."""
        try:
            consumer = await self._consumer()
        except Trouble as error:
            raise Lost(str(translate(error, self._place, self._topics[STEPS]))) from error
        places = {TopicPartition(self._topics[role], number): (role, number) for role, number in self._lines}
        consumer.assign(list(places))
        for place, line in places.items():
            consumer.seek(place, after.get(line, -1) + 1)
        return _Reading(consumer, places, self._place)

    async def ends(self) -> Mapping[Line, int]:
        """Return the last offset of each partition."""
        if self._asking is None:
            raise Lost(f"{self.name} is not open: open the engine before you use it")
        places = {TopicPartition(self._topics[role], number): (role, number) for role, number in self._lines}
        try:
            ends = await self._asking.end_offsets(list(places))
        except Trouble as error:
            raise Lost(str(translate(error, self._place, self._topics[STEPS]))) from error
        return {line: ends[place] - 1 for place, line in places.items()}

    async def _produce(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=SENT_BYTES_MAX,
            request_timeout_ms=REQUEST_MS,
            **self._place.client(),
        )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await producer.start()
        except BaseException:
            await _stop(producer)
            raise
        return producer

    async def _consumer(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            request_timeout_ms=REQUEST_MS,
            metadata_max_age_ms=METADATA_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            enable_auto_commit=False,
            auto_offset_reset="none",
            **self._place.client(),
        )
        await consumer.start()
        return consumer

    def _discard(self, own: bool, task: asyncio.Task[AIOKafkaProducer]) -> None:
        """End a producer after an error: a batch that failed has used up its sequence numbers."""
        if self._producers.get(own) is task:
            del self._producers[own]
            self._end(task)

    def _end(self, task: asyncio.Task[AIOKafkaProducer]) -> None:
        ending = asyncio.create_task(_end_of(task), name="ensue-kafka-ending")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _refusal(self, error: errors.KafkaError, role: str, size: int) -> StoreError:
        if isinstance(error, errors.MessageSizeTooLargeError):
            return StoreError(
                f"topic {self._topics[role]!r} takes no record of {size} bytes: store large values elsewhere and pass "
                "a reference, or raise its max.message.bytes"
            )
        return StoreUnavailable(str(translate(error, self._place, self._topics[role])))


class _Reading:
    """A consumer that was told where to read."""

    def __init__(self, consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, Line], place: Place) -> None:
        self._consumer, self._places, self._place = consumer, places, place
        self._closed = False

    async def read(self) -> Sequence[Arrived]:
        """Return what has arrived."""
        try:
            found = await self._consumer.getmany(timeout_ms=round(READ_SECONDS * 1000))
        except errors.OffsetOutOfRangeError as error:
            raise Lost(
                f"the topics on {self._place.shown} hold less than was folded from them: were they made anew? "
                "Then give them views of their own"
            ) from error
        except Trouble as error:
            raise Lost(str(translate(error, self._place, self._place.name))) from error
        return [_arrived(self._places[place], each) for place, records in found.items() for each in records]

    async def close(self) -> None:
        """Let go of the consumer."""
        if not self._closed:
            self._closed = True
            await self._consumer.stop()


def _arrived(line: Line, record: ConsumerRecord) -> Arrived:
    return Arrived(line, record.offset, record.timestamp * 1000, record.value or b"")


async def _end_of(task: asyncio.Task[AIOKafkaProducer]) -> None:
    if not task.done():
        task.cancel()
    try:
        producer = await task
    except (asyncio.CancelledError, Exception):
        return
    await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    """End a producer at once: its own way waits for brokers that may be gone, and goes on sending meanwhile."""
    inside: dict[str, Any] = vars(producer)
    inside["_closed"] = True  # or it would complain when it is collected
    sending: asyncio.Task[Any] | None = inside["_sender"].sender_task
    if sending is not None:
        sending.cancel()
    with contextlib.suppress(Exception):
        await producer.client.close()
    if sending is not None:
        await asyncio.wait({sending}, timeout=1.0)


_: tuple[type[Wire], type[Reading]] = (KafkaWire, _Reading)
