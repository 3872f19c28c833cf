"""A topic that lives in this process, for tests and for trying things out: `memory://orders`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from ensue_core.clock import Clock
from ensue_core.errors import ConfigError, TopicUnavailable
from ensue_core.topics import RESENT_AS, Letter, Message, OpenTopic, Span, Topic

Headers = Mapping[str, bytes | None]


class TopicData:
    """What all who open a topic of one name share: its partitions, and its dead letters."""

    def __init__(self, partitions: int = 1) -> None:
        self.partitions: list[list[Message | None]] = [[] for _ in range(partitions)]
        self.first = [0] * partitions
        self.parked: list[tuple[str, Letter]] = []
        self.resent: set[tuple[str, int, int]] = set()
        self.away = False
        """Whether it cannot be reached now."""
        self._waiters: set[asyncio.Future[None]] = set()

    def produce(
        self,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | Sequence[tuple[str, bytes | None]] = (),
        partition: int = 0,
        time: int = 0,
    ) -> int:
        """Append a record and return its offset."""
        records = self.partitions[partition]
        pairs = tuple(headers.items()) if isinstance(headers, Mapping) else tuple(headers)
        records.append(Message(partition, len(records), time, key, value, pairs))
        self._wake()
        return len(records) - 1

    def skip(self, partition: int = 0, offsets: int = 1) -> None:
        """Leave offsets without records, as transactions and compaction do."""
        self.partitions[partition] += [None] * offsets
        self._wake()

    def add_partition(self) -> int:
        """Add a partition and return its number."""
        self.partitions.append([])
        self.first.append(0)
        return len(self.partitions) - 1

    def delete(self, partition: int, before: int) -> None:
        """Delete what stands before an offset, as retention does."""
        self.first[partition] = max(self.first[partition], before)

    def _wake(self) -> None:
        for each in self._waiters:
            if not each.done():
                each.set_result(None)
        self._waiters.clear()

    async def changed(self, clock: Clock, timeout: float) -> None:
        """Return at the next record, or when the time is up."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        sleeper = asyncio.ensure_future(clock.sleep(timeout))
        try:
            await asyncio.wait({waiter, sleeper}, return_when="FIRST_COMPLETED")
        finally:
            sleeper.cancel()
            self._waiters.discard(waiter)


class MemoryTopic:
    """One ingester's view of a topic in memory."""

    def __init__(self, data: TopicData, name: str, namespace: str, clock: Clock) -> None:
        self._data, self._name, self._namespace, self._clock = data, name, namespace, clock
        self._at: dict[int, int] = {}

    async def open(self) -> None:
        """See that it can be reached."""
        self._near()

    async def close(self) -> None:
        """Read nothing more."""
        self._at = {}

    async def spans(self) -> Mapping[int, Span]:
        """Return what each partition holds."""
        data = self._near()
        return {each: Span(data.first[each], len(records)) for each, records in enumerate(data.partitions)}

    async def assign(self, after: Mapping[int, int]) -> None:
        """Read these partitions past these offsets."""
        self._near()
        self._at = dict(after)

    async def read(self, limit: int, timeout: float) -> Mapping[int, Sequence[Message]]:
        """Return records of the assigned partitions; waits for the first."""
        found = self._take(limit)
        if not found:
            await self._near().changed(self._clock, timeout)
            found = self._take(limit)
        return found

    def _take(self, limit: int) -> dict[int, list[Message]]:
        data = self._near()
        found: dict[int, list[Message]] = {}
        for partition in sorted(self._at):
            records = data.partitions[partition]
            while self._at[partition] + 1 < len(records) and limit > 0:
                self._at[partition] += 1
                record = records[self._at[partition]]
                if record is not None and record.offset >= data.first[partition]:
                    found.setdefault(partition, []).append(record)
                    limit -= 1
        return found

    def reached(self) -> Mapping[int, int]:
        """Return how far each assigned partition has been read."""
        return dict(self._at)

    async def park(self, letters: Sequence[Letter]) -> None:
        """Keep dead letters."""
        self._near().parked += [(self._namespace, each) for each in letters]

    async def letters(self) -> AsyncIterator[Letter]:
        """Yield this namespace's letters, each once."""
        data = self._near()
        seen: set[tuple[int, int]] = set()
        for namespace, each in list(data.parked):
            place = each.message.partition, each.message.offset
            if namespace == self._namespace and place not in seen:
                seen.add(place)
                yield Letter(each.message, each.reason, each.time, (namespace, *place) in data.resent)

    async def resend(self, letters: Sequence[Letter]) -> None:
        """Append letters to the topic again."""
        data = self._near()
        for each in letters:
            message = each.message
            headers = list(message.headers)
            if not any(name == RESENT_AS for name, _ in headers):
                headers.append((RESENT_AS, f"{message.partition}/{message.offset}/{message.time}".encode()))
            data.produce(message.value, message.key, headers, message.partition, self._clock.now())
            data.resent.add((self._namespace, message.partition, message.offset))

    def _near(self) -> TopicData:
        if self._data.away:
            raise TopicUnavailable(f"topic {self._name!r} cannot be reached")
        return self._data


_named: dict[str, TopicData] = {}


def topic_named(name: str, partitions: int = 1) -> TopicData:
    """Return this process's topic of that name, made on first use with so many partitions."""
    return _named.setdefault(name, TopicData(partitions))


def open_topic(url: str, namespace: str, clock: Clock) -> Topic:
    """Return the topic of a `memory://name` URL, not yet open."""
    scheme, _, name = url.partition("://")
    if scheme != "memory" or not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ConfigError(f"{url!r} is no topic in memory: write memory://orders")
    return MemoryTopic(topic_named(name), name, namespace, clock)


_: OpenTopic = open_topic
