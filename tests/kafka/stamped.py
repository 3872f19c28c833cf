"""Kafka as many short tests use it: records carry their sender's time, and topics serve one test after another.

A test that holds the clock holds log time too. Topics take a broker long to make; so a test begins where the one before
it ended, and counts offsets from there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ensue_adapters.broker.envelopes import decode
from ensue_adapters.broker.wire import Reading, Sent
from ensue_adapters.kafka.place import Place
from ensue_adapters.kafka.wire import ASK_AGAIN_MS, KafkaWire
from ensue_projections.ordering import Arrived, Line

PARTITIONS = 2
APART = 4
"""How many tests lie between two that use the same topics: what one gave up must not land in the next."""


class Pool:
    """Topics that are there by now, by the name they begin with."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._free: deque[str] = deque()
        self._count = 0
        self.lines: dict[str, tuple[Line, ...]] = {}

    def take(self) -> str:
        """Return the name of topics that nobody uses."""
        if len(self._free) > APART:
            return self._free.popleft()
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def give(self, names: Sequence[str]) -> None:
        """Give topics back."""
        self._free.extend(names)


class Turn:
    """One test's turn: which topics each of its namespaces has, and where they begin for it."""

    def __init__(self, pool: Pool, place: Place) -> None:
        self.pool, self._place = pool, place
        self._names: dict[str, str] = {}
        self.begins: dict[str, Mapping[Line, int]] = {}
        self.lock = asyncio.Lock()

    def wire(self, namespace: str) -> StampedWire:
        """Return the wire of another process."""
        if namespace not in self._names:
            self._names[namespace] = self.pool.take()
        return StampedWire(self, replace(self._place, name=self._names[namespace]))

    def end(self) -> None:
        """Leave the topics to others."""
        self.pool.give(list(self._names.values()))


class StampedWire(KafkaWire):
    """Everything is real but the time at which a broker appended, and where offsets begin."""

    def __init__(self, turn: Turn, place: Place) -> None:
        super().__init__(place, "default", PARTITIONS, PARTITIONS)
        self._turn, self._set = turn, place.name

    async def open(self) -> str:
        """Connect; topics that are there are as they were made."""
        pool = self._turn.pool
        async with self._turn.lock:
            if self._set in pool.lines:
                self._lines = pool.lines[self._set]
                self._asking = await self._consumer(ASK_AGAIN_MS)
            else:
                await super().open()
                pool.lines[self._set] = self._lines
            if self._set not in self._turn.begins:
                self._turn.begins[self._set] = {line: end + 1 for line, end in (await super().ends()).items()}
        return self._set

    async def send(self, line: Line, value: bytes) -> Sent:
        """Append a record."""
        return Sent((await super().send(line, value)).offset - self._begins[line])

    async def ends(self) -> Mapping[Line, int]:
        """Return the last offset of each partition."""
        return {line: end - self._begins[line] for line, end in (await super().ends()).items()}

    async def reading(self, after: Mapping[Line, int]) -> Reading:
        """Begin to read."""
        begins = self._begins
        return _Stamped(await super().reading({line: at + after.get(line, -1) for line, at in begins.items()}), begins)

    @property
    def _begins(self) -> Mapping[Line, int]:
        return self._turn.begins[self._set]


class _Stamped:
    def __init__(self, reading: Reading, begins: Mapping[Line, int]) -> None:
        self._reading, self._begins = reading, begins

    async def read(self) -> Sequence[Arrived]:
        """Return what has arrived, with its sender's time."""
        return [
            replace(each, offset=each.offset - self._begins[each.line], time=decode(each, "").sent)
            for each in await self._reading.read()
        ]

    async def close(self) -> None:
        """Let go."""
        await self._reading.close()
