"""Ingesters on a simulated store and topic, in virtual time, with faults drawn from a seed.

Requests get lost, answers get lost, what was asked lands late or twice, leases lie, ingesters die at any await, the
topic goes away, a dead letter is kept but not acknowledged. `python -m tests.ingest --seeds 500` runs many.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from ensue.ingest.declared import declare
from ensue.ingest.ingester import Ingester
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_adapters.memory.topic import MemoryTopic, TopicData
from ensue_core.defaults import Defaults
from ensue_core.errors import CommitUnknown, StoreUnavailable, TopicUnavailable
from ensue_core.facts import EventEmitted, Ingested, RecordParked
from ensue_core.topics import Letter
from tests.worker.virtual import LoopClock, VirtualLoop

T = TypeVar("T")
NAMESPACE = "sim"
CLOUDEVENTS = declare("memory://orders")
PLAIN = declare("memory://orders?format=json", "order.paid")
DEFAULTS = Defaults(lease_seconds=3.0, heartbeat_seconds=1.0, batch_records_max=7)


class Faults:
    """What goes wrong, and how often it did."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.on = True
        self.rate = draw.choice((0.02, 0.1, 0.3))
        self.counts: Counter[str] = Counter()

    def happens(self, what: str, rate: float = 1.0) -> bool:
        """Whether it happens now."""
        hit = self.on and self.draw.random() < self.rate * rate
        self.counts[what] += hit
        return hit

    # As the line of a memory store.

    async def carry(self, operation: str, act: Callable[[], T]) -> T:
        """Bring an operation about, more or less."""
        await asyncio.sleep(self.draw.random() * (0.2 if self.on else 0.001))
        if self.happens("store away"):
            raise StoreUnavailable("away")
        if operation == "leases.holders" and self.happens("lease lie", 2.0):
            return cast(T, [])
        writes = operation in ("offsets.ingest", "leases.hold")
        if writes and self.happens("request lost"):
            if self.draw.random() < 0.7:
                self.counts["landed late"] += 1
                asyncio.get_running_loop().call_later(self.draw.random() * 8, act)
            raise CommitUnknown("no answer")
        answer = act()
        if writes and self.happens("sent twice"):
            asyncio.get_running_loop().call_later(self.draw.random() * 8, act)
        await asyncio.sleep(self.draw.random() * (0.2 if self.on else 0.001))
        if writes and self.happens("answer lost"):
            raise CommitUnknown("no answer")
        return answer


class FaultyTopic(MemoryTopic):
    """A topic that goes away, and forgets to say that it kept a letter."""

    def __init__(self, faults: Faults, data: TopicData, clock: LoopClock) -> None:
        super().__init__(data, "orders", NAMESPACE, clock)
        self._faults = faults

    async def read(self, limit: int, timeout: float) -> Any:
        """Read, unless it is away."""
        if self._faults.happens("topic away", 0.3):
            raise TopicUnavailable("away")
        return await super().read(self._faults.draw.randint(1, limit), timeout)

    async def park(self, letters: Sequence[Letter]) -> None:
        """Keep letters; somebody may not learn of it."""
        await super().park(letters)
        if self._faults.happens("letter unacknowledged"):
            raise TopicUnavailable("no answer")


class Run:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.faults = Faults(self.draw)
        self.clock = LoopClock()
        self.world = MemoryWorld()
        self.data = TopicData(self.draw.randint(1, 4))
        self.declared = self.draw.choice((CLOUDEVENTS, PLAIN))
        self.wanted: dict[tuple[int, int], tuple[int, bool]] = {}
        """What was produced where: the number of the event, and whether it says something else than usual."""
        self.unreadable: set[tuple[int, int]] = set()
        self._number = 0

    async def go(self) -> None:
        """Produce and ingest under faults, then without any, and check what came of it."""
        slots = [asyncio.ensure_future(self._live(number)) for number in range(self.draw.randint(1, 4))]
        try:
            for _ in range(60):
                await asyncio.sleep(self.draw.random())
                self._produce()
            self.faults.on = False
            await asyncio.wait_for(self._drained(), 600)
            self._check()
        finally:
            for each in slots:
                each.cancel()
            await asyncio.gather(*slots, return_exceptions=True)

    async def _live(self, number: int) -> None:
        """One process after the other in a slot; each is killed after a while, mostly."""
        for life in range(1_000):
            store = MemoryStore(self.world, NAMESPACE, self.clock, self.faults)
            await store.open()
            ingester = Ingester(
                store,
                self.declared,
                lambda: FaultyTopic(self.faults, self.data, self.clock),
                clock=self.clock,
                defaults=DEFAULTS,
                process=f"p{number}-{life}",
            )
            task = asyncio.ensure_future(ingester.run())
            try:
                while not task.done():
                    await asyncio.sleep(self.draw.random() * 20)
                    if self.faults.happens("killed", 3.0):
                        break
                await asyncio.sleep(0)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _produce(self) -> None:
        draw, data = self.draw, self.data
        for _ in range(draw.randint(0, 6)):
            partition = draw.randrange(len(data.partitions))
            kind = draw.random()
            if kind < 0.1:
                data.skip(partition, draw.randint(1, 3))
            elif kind < 0.2:
                self.unreadable.add((partition, data.produce(draw.choice((b"{", b"\xff", None)), partition=partition)))
            elif kind < 0.3 and self.declared is CLOUDEVENTS and self._number:
                self._event(draw.randint(1, self._number), partition, draw.random() < 0.3)
            else:
                self._number += 1
                self._event(self._number, partition, False)
        if draw.random() < 0.02 and len(data.partitions) < 5:
            data.add_partition()

    def _event(self, number: int, partition: int, other: bool) -> None:
        """Produce an event, perhaps one that was there before, or that says something else under the same id."""
        value = f"{'[' if other else ''}{number}{']' if other else ''}".encode()
        headers = {
            "ce_specversion": b"1.0",
            "ce_id": str(number).encode(),
            "ce_source": b"/s",
            "ce_type": b"order.paid",
        }
        offset = self.data.produce(value, headers=headers, partition=partition, time=self.clock.now())
        self.wanted[partition, offset] = number, other

    async def _drained(self) -> None:
        space = self.world.space(NAMESPACE)
        ends = {number: len(records) - 1 for number, records in enumerate(self.data.partitions) if records}
        while {key[1]: row.through for key, row in space.topics.items()} != ends:  # noqa: ASYNC110
            await asyncio.sleep(0.5)

    def _check(self) -> None:
        space = self.world.space(NAMESPACE)
        events: list[list[int]] = [[] for _ in self.data.partitions]
        parked: list[tuple[int, int]] = []
        for record in space.records:
            match record.fact:
                case EventEmitted() as fact:
                    assert fact.origin is not None
                    events[fact.origin.partition].append(fact.origin.offset)
                case RecordParked() as fact:
                    parked.append((fact.partition, fact.offset))
                case fact:
                    assert isinstance(fact, Ingested)
        assert all(each == sorted(set(each)) for each in events), "a partition's order is not the topic's"
        produced = self.wanted
        taken = {(partition, offset) for partition, some in enumerate(events) for offset in some}
        assert taken <= set(produced), "an event that nobody produced"
        assert len(parked) == len(set(parked)), "a record was parked twice in the log"
        assert self.unreadable <= set(parked), "an unreadable record was hidden"
        kept = {(each.message.partition, each.message.offset) for _, each in self.data.parked}
        assert kept >= set(parked), "a parked record is in no dead letter"
        if self.declared is PLAIN:
            assert taken == set(produced), "an event was hidden"
        else:
            numbers = {number for number, _ in produced.values()}
            got = Counter(produced[place][0] for place in taken)
            assert got == Counter(numbers), "an event was hidden or taken twice"
            chosen = {produced[place][0]: produced[place][1] for place in taken}
            clashes = {place for place, (number, other) in produced.items() if chosen[number] != other}
            assert set(parked) == self.unreadable | clashes, "what says something else under an id was hidden"
        rows = dict(space.topics)
        assert sum(row.events for row in rows.values()) == len(taken)
        assert sum(row.parked for row in rows.values()) == len(parked)
        space.rebuild()
        assert space.topics == rows, "a rebuild gives other offsets"


def run(seed: int) -> Counter[str]:
    """Run one seed; returns how often each fault struck. Raises what was wrong."""
    one = Run(seed)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(one.go())
    return one.faults.counts
