"""Kafka as the wire of a log: producers that end with their first error, and a consumer that is told where to read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
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

STOP_SECONDS = 0.5
END_SECONDS = 3.0
"""How long closing waits for clients that are just connecting: one that is broken off leaves its connection open."""

READ_SECONDS = 0.5
FETCH_MS = 250
"""How long a broker waits for something new. A partition that was not taken from in time waits with all others."""

METADATA_MS = 30_000
ASK_AGAIN_MS = 10
"""Who asks for ends learns of one topic at a time, and the client pauses after each."""

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
_Found = dict[TopicPartition, list[ConsumerRecord]]


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
            self._asking = await self._consumer(ASK_AGAIN_MS)
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
            _, slow = await asyncio.wait(list(self._ending), timeout=END_SECONDS)
            for each in slow:
                each.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

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
        sides = [line for line in self._lines if line != SPINE]
        consumers: list[tuple[AIOKafkaConsumer, Mapping[TopicPartition, Line]]] = []
        try:
            for lines in ([SPINE], sides):
                consumer = await self._consumer()
                places = self._places(lines)
                consumers.append((consumer, places))
                consumer.assign(list(places))
                for place, line in places.items():
                    consumer.seek(place, after.get(line, -1) + 1)
        except BaseException as error:
            await _Reading(consumers, self._place).close()
            if isinstance(error, Trouble):
                raise Lost(str(translate(error, self._place, self._topics[STEPS]))) from error
            raise
        return _Reading(consumers, self._place)

    async def ends(self) -> Mapping[Line, int]:
        """Return the last offset of each partition."""
        if self._asking is None:
            raise Lost(f"{self.name} is not open: open the engine before you use it")
        places = self._places(self._lines)
        try:
            ends = await self._asking.end_offsets(list(places))
        except Trouble as error:
            raise Lost(str(translate(error, self._place, self._topics[STEPS]))) from error
        return {line: ends[place] - 1 for place, line in places.items()}

    def _places(self, lines: Sequence[Line]) -> dict[TopicPartition, Line]:
        return {TopicPartition(self._topics[role], number): (role, number) for role, number in lines}

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

    async def _consumer(self, again_ms: int = 100) -> AIOKafkaConsumer:
        """Start a consumer; where the caller is cancelled, it is started all the same, and ended."""
        starting = asyncio.create_task(self._start_consumer(again_ms), name="ensue-kafka-consumer")
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._end_in_time(_end_consumer(starting))
            raise

    async def _start_consumer(self, again_ms: int) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            request_timeout_ms=REQUEST_MS,
            retry_backoff_ms=again_ms,
            metadata_max_age_ms=METADATA_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_MS,
            enable_auto_commit=False,
            auto_offset_reset="none",
            **self._place.client(),
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    def _discard(self, own: bool, task: asyncio.Task[AIOKafkaProducer]) -> None:
        """End a producer after an error: a batch that failed has used up its sequence numbers."""
        if self._producers.get(own) is task:
            del self._producers[own]
            self._end(task)

    def _end(self, task: asyncio.Task[AIOKafkaProducer]) -> None:
        self._end_in_time(_end_of(task))

    def _end_in_time(self, work: Coroutine[Any, Any, None]) -> None:
        ending = asyncio.create_task(work, name="ensue-kafka-ending")
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
    """Consumers that were told where to read: one for the spine, which shall not wait for what is large."""

    def __init__(
        self, consumers: Sequence[tuple[AIOKafkaConsumer, Mapping[TopicPartition, Line]]], place: Place
    ) -> None:
        self._consumers, self._place = consumers, place
        self._asking: dict[int, asyncio.Task[_Found]] = {}
        self._closed = False

    async def read(self) -> Sequence[Arrived]:
        """Return what has arrived."""
        for number, (consumer, _) in enumerate(self._consumers):
            if number not in self._asking:
                asking = consumer.getmany(timeout_ms=round(READ_SECONDS * 1000))
                self._asking[number] = asyncio.create_task(asking, name="ensue-kafka-reading")
        done, _ = await asyncio.wait(self._asking.values(), return_when=asyncio.FIRST_COMPLETED)
        found: list[Arrived] = []
        for number, (_, lines) in enumerate(self._consumers):
            if self._asking[number] in done:
                found += self._taken(self._asking.pop(number), lines)
        return found

    async def close(self) -> None:
        """Let go of the consumers."""
        if self._closed:
            return
        self._closed = True
        for each in self._asking.values():
            each.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        for consumer, _ in self._consumers:
            await consumer.stop()

    def _taken(self, asked: asyncio.Task[_Found], lines: Mapping[TopicPartition, Line]) -> list[Arrived]:
        try:
            found = asked.result()
        except errors.OffsetOutOfRangeError as error:
            raise Lost(
                f"the topics on {self._place.shown} hold less than was folded from them: were they made anew? "
                "Then give them views of their own"
            ) from error
        except Trouble as error:
            raise Lost(str(translate(error, self._place, self._place.name))) from error
        return [_arrived(lines[place], each) for place, records in found.items() for each in records]


def _arrived(line: Line, record: ConsumerRecord) -> Arrived:
    return Arrived(line, record.offset, record.timestamp * 1000, record.value or b"")


async def _end_of(task: asyncio.Task[AIOKafkaProducer]) -> None:
    """End a producer, which may be starting still."""
    with contextlib.suppress(Exception):
        await _stop(await task)


async def _end_consumer(starting: asyncio.Task[AIOKafkaConsumer]) -> None:
    with contextlib.suppress(Exception):
        await (await starting).stop()


async def _stop(producer: AIOKafkaProducer) -> None:
    """End a producer at once: its own way waits for brokers that may be gone, and goes on sending meanwhile."""
    inside: dict[str, Any] = vars(producer)
    inside["_closed"] = True  # or it would complain when it is collected
    sending: asyncio.Task[Any] | None = inside["_sender"].sender_task
    if sending is not None:
        sending.cancel()
        await asyncio.wait({sending}, timeout=STOP_SECONDS)
    with contextlib.suppress(Exception):
        await producer.client.close()
    if sending is not None:
        await asyncio.wait({sending}, timeout=STOP_SECONDS)


_: tuple[type[Wire], type[Reading]] = (KafkaWire, _Reading)
