"""The dead-letter topic: what became no event, with the reason, the place it had and its bytes as they were.

`<topic>.dead-letter` is itself the list: a letter is a record, and so is the mark that one was sent again. A letter
may stand there twice (an ingester died between parking and moving the offset); who reads counts it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaClient, AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import ConsumerRecord, TopicPartition

from ensue_adapters.kafka.place import Place
from ensue_adapters.kafka.trouble import Trouble, translate
from ensue_core.clock import Clock
from ensue_core.errors import TopicUnavailable
from ensue_core.topics import RESENT_AS, Letter, Message

SUFFIX = ".dead-letter"
REQUEST_MS = 10_000
SENT_BYTES_MAX = 128 * 1024 * 1024
"""As large as the client lets a record be; what a broker takes is its own affair."""

KEPT_BYTES = 256 * 1024
"""How much is kept of a value that the dead-letter topic does not take whole."""

_OURS = "ensue-dead-"
_SETTINGS = {"cleanup.policy": "delete", "retention.ms": "-1", "max.message.bytes": str(64 * 1024 * 1024)}

_Sending = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]


class DeadLetters:
    """One topic's dead letters, of one namespace."""

    def __init__(self, place: Place, namespace: str, clock: Clock) -> None:
        self._place, self._namespace, self._clock = place, namespace, clock
        self._topic = place.name
        self.name = place.name + SUFFIX
        self._producer: AIOKafkaProducer | None = None
        self._made = False

    async def close(self) -> None:
        """Let go of everything."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.gather(producer.stop(), return_exceptions=True)

    async def park(self, letters: Sequence[Letter]) -> None:
        """Put letters into the dead-letter topic, which is made where it is missing; durable on return."""
        try:
            await self._make()
            for each in letters:
                value, key, headers = self._sending(each)
                try:
                    await self._send(self.name, None, (value, key, headers))
                except errors.MessageSizeTooLargeError:
                    whole = len(value or b"")
                    headers.append((_OURS + "truncated", str(whole).encode()))
                    await self._send(self.name, None, ((value or b"")[:KEPT_BYTES], key, headers))
        except Trouble as error:
            raise translate(error, self._place, self.name) from error

    async def resend(self, letters: Sequence[Letter]) -> None:
        """Send letters to their topic again, and mark them here."""
        try:
            for each in letters:
                message = each.message
                headers = list(message.headers)
                _check_whole(message)
                if not any(name == RESENT_AS for name, _ in headers):
                    first = f"{message.partition}/{message.offset}/{message.time}"
                    headers.append((RESENT_AS, first.encode()))
                await self._send(self._topic, message.partition, (message.value, message.key, headers))
                _, key, marks = self._sending(each)
                marks = [mark for mark in marks if mark[0].startswith(_OURS)]
                marks.append((_OURS + "resent", str(self._clock.now()).encode()))
                await self._send(self.name, None, (b"", key, marks))
        except Trouble as error:
            raise translate(error, self._place, self._topic) from error

    async def all(self) -> AsyncIterator[Letter]:
        """Yield this namespace's letters, oldest first, each once."""
        resent = {place async for place, _, mark in self._read() if mark}
        seen: set[tuple[int, int]] = set()
        async for place, letter, mark in self._read():
            if not mark and place not in seen:
                seen.add(place)
                yield Letter(letter.message, letter.reason, letter.time, place in resent)

    async def _read(self) -> AsyncIterator[tuple[tuple[int, int], Letter, bool]]:
        """Yield what stands in the topic now: the place of each letter, the letter, and whether it is a mark."""
        arguments = self._place.client()
        consumer = AIOKafkaConsumer(
            request_timeout_ms=REQUEST_MS, enable_auto_commit=False, auto_offset_reset="none", **arguments
        )
        try:
            partitions = await self._partitions()
            if not partitions:
                return
            await consumer.start()
            places = [TopicPartition(self.name, each) for each in partitions]
            past = await consumer.end_offsets(places)
            at = await consumer.beginning_offsets(places)
            consumer.assign(places)
            for place in places:
                consumer.seek(place, at[place])
            while [place for place in places if await consumer.position(place) < past[place]]:
                for records in (await consumer.getmany(timeout_ms=1_000, max_records=500)).values():
                    for record in records:
                        found = self._letter(record)
                        if found is not None:
                            yield found
        except Trouble as error:
            raise translate(error, self._place, self.name) from error
        finally:
            await asyncio.gather(consumer.stop(), return_exceptions=True)

    def _sending(self, letter: Letter) -> _Sending:
        message = letter.message
        value = message.value
        about = {
            "topic": self._topic,
            "partition": str(message.partition),
            "offset": str(message.offset),
            "time": str(message.time),
            "app-id": self._namespace,
            "reason": letter.reason,
        }
        if message.key is None and value is None:
            # The client sends no record without both.
            value, about["empty"] = b"", ""
        headers = [*message.headers, *((_OURS + name, text.encode()) for name, text in about.items())]
        return value, message.key, headers

    def _letter(self, record: ConsumerRecord) -> tuple[tuple[int, int], Letter, bool] | None:
        """Read one record; None for another namespace's, or what is no letter of ours."""
        ours = {name: value or b"" for name, value in record.headers if name.startswith(_OURS)}
        said = {name.removeprefix(_OURS): value.decode("utf-8", "replace") for name, value in ours.items()}
        if said.get("app-id") != self._namespace:
            return None
        try:
            partition, offset, time = int(said["partition"]), int(said["offset"]), int(said["time"])
        except (KeyError, ValueError):
            return None
        keep = tuple(each for each in record.headers if each[0] not in ours or each[0] == _OURS + "truncated")
        value = None if "empty" in said else record.value
        message = Message(partition, offset, time, record.key, value, keep)
        letter = Letter(message, said.get("reason", ""), record.timestamp * 1000)
        return (partition, offset), letter, "resent" in said

    async def _send(self, topic: str, partition: int | None, sending: _Sending) -> None:
        value, key, headers = sending
        if self._producer is None:
            producer = AIOKafkaProducer(
                request_timeout_ms=REQUEST_MS,
                acks="all",
                enable_idempotence=True,
                max_request_size=SENT_BYTES_MAX,
                **self._place.client(),
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        try:
            await self._producer.send_and_wait(topic, value, key, partition, headers=headers)
        except BaseException:
            # A failed batch has used up its sequence numbers: nothing that this producer sends would be taken.
            await self.close()
            raise

    async def _make(self) -> None:
        """Make the topic where it is missing: nothing in it is ever deleted by itself."""
        if self._made or await self._partitions():
            self._made = True
            return
        admin = AIOKafkaAdminClient(request_timeout_ms=REQUEST_MS, **self._place.client())
        try:
            await admin.start()
            copies = min(3, max(await self._brokers(), 1))
            answer = await admin.create_topics([NewTopic(self.name, 1, copies, topic_configs=_SETTINGS)])
        finally:
            await admin.close()
        error = errors.for_code(answer.topic_errors[0][1])
        if error not in (errors.NoError, errors.TopicAlreadyExistsError):
            raise error(self.name)
        for _ in range(100):
            if await self._partitions():
                break
            await asyncio.sleep(0.05)
        self._made = True

    async def _brokers(self) -> int:
        client = AIOKafkaClient(request_timeout_ms=REQUEST_MS, **self._place.client())
        try:
            await client.bootstrap()
            return len(client.cluster.brokers())
        finally:
            await client.close()

    async def _partitions(self) -> list[int]:
        """Return the dead-letter topic's partitions; none where it is not there."""
        client = AIOKafkaClient(request_timeout_ms=REQUEST_MS, **self._place.client())
        try:
            await client.bootstrap()
            node = client.get_random_node()
            if node is None:
                raise errors.KafkaConnectionError("no broker is known")
            answer = await client.send(node, MetadataRequest([self.name], allow_auto_topic_creation=False))
            code, _, _, partitions = answer.topics[0]
            error = errors.for_code(code)
            if error is errors.UnknownTopicOrPartitionError:
                return []
            if error is not errors.NoError:
                raise error(self.name)
            return sorted(each[1] for each in partitions)
        finally:
            await client.close()


def _check_whole(message: Message) -> None:
    place = f"record {message.partition}:{message.offset}"
    if any(name == _OURS + "truncated" for name, _ in message.headers):
        raise TopicUnavailable(f"{place} is too large to be kept whole: send it from the program that it came from")
    if message.key is None and message.value is None:
        raise TopicUnavailable(f"{place} has neither key nor value: there is nothing to send again")
