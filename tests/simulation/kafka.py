"""A simulated Kafka under the world: brokers whose clocks differ, lines whose leaders go away, records that land late.

A process's records go to their line late, in vain, twice, or with the acknowledgement lost; what is late lands even if
its sender is dead. Readers see lines at different times, in short pages, and now and then lose their place. The views
lie in memory, behind a line with the faults of every store: a fold may be done, not done, or done later.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ensue_adapters.broker.decisions import BrokerDecisions
from ensue_adapters.broker.envelopes import decode
from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.broker.unread import Unread
from ensue_adapters.broker.views import Folding
from ensue_adapters.broker.wire import InDoubt, Lost, Reading, Sent, Unsent, Wire
from ensue_adapters.broker.work import BrokerWork
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_adapters.memory.folded import FoldedSpace, MemoryFolded
from ensue_adapters.memory.line import DirectLine
from ensue_adapters.memory.space import Space
from ensue_core.clock import Clock
from ensue_core.errors import StoreUnavailable
from ensue_core.facts import AttemptStarted
from ensue_core.ports import Committed, Decisions, End, Outrun, Step, Superseded, Work
from ensue_projections.ordering import Arrived, Line
from tests.broker.simulated import Broker
from tests.simulation.faults import FaultyLine, Trouble
from tests.simulation.loop import PROCESS

BROKERS = 3
READ_SECONDS = 0.5


class Kafka:
    """The lines of one namespace, their leaders, and the views that all processes share."""

    def __init__(
        self, trouble: Trouble, memory: MemoryWorld, namespace: str, now: Callable[[], int], skew: float, seed: int
    ) -> None:
        self.trouble, self.memory, self.namespace, self._now = trouble, memory, namespace, now
        self.draw = random.Random(f"kafka {seed}")
        self.lines = Broker(self.draw.choice([1, 2, 4]), self.draw.choice([1, 3]))
        self.folded = FoldedSpace(memory.space(namespace))
        self.patience = self.draw.choice([1.0, 5.0, 30.0])
        self.counts: Counter[str] = Counter()
        self._clocks = [self.draw.uniform(-skew, skew) for _ in range(BROKERS)]
        self._leaders = {line: self.draw.randrange(BROKERS) for line in self.lines.lines}
        self._starts: dict[tuple[str, int], str] = {}
        self._looked = 0

    def store(self, clock: Clock, *, calm: bool = False) -> KafkaStore:
        """The store of one process; a calm one has no faults."""
        line = DirectLine() if calm else FaultyLine(self.trouble)
        views = MemoryFolded(MemoryStore(self.memory, self.namespace, clock, line), self.folded)
        return KafkaStore(SimWire(self, clock, calm), views, self.namespace, clock, self.patience)

    def append(self, line: Line, value: bytes) -> int:
        """Keep a record, with the time of the line's leader."""
        return self.lines.append(line, value, self._now() + round(self._clocks[self._leaders[line]] * 1_000_000))

    def elect(self) -> None:
        """Let a line have another leader, and so another clock; nobody sees the line for a while."""
        line = self.draw.choice(list(self.lines.lines))
        self._leaders[line] = self.draw.randrange(BROKERS)
        self.lines.hide(line)
        self.counts["leader away"] += 1
        self.trouble.later("elect", lambda: self.lines.show(line), self.draw.choice([0.1, 3.0, 20.0]))

    def calm(self) -> None:
        """Show everything."""
        for line in list(self.lines.hidden):
            self.lines.show(line)

    def wrong(self) -> list[str]:
        """Fold the lines from their beginning, in other portions, and say where something else comes out."""
        space = Space()
        again, lines = FoldedSpace(space), tuple(self.lines.lines)
        unread = Unread(again.stored.order, lines, lambda each: decode(each, each.line[0]))
        left = {line: list(records) for line, records in self.lines.lines.items()}
        while any(left.values()):
            line = self.draw.choice([each for each, records in left.items() if records])
            count = self.draw.randint(1, 200)
            unread.add(left[line][:count])
            del left[line][:count]
            while (found := unread.next()) is not None:
                assert again.fold(Folding(again.stored.version, found[0], found[1], "again")) is not None
        live = self.memory.space(self.namespace)
        if len(live.records) > len(space.records):
            return [f"the views hold {len(live.records)} records, the lines {len(space.records)}"]
        for one, other in zip(live.records, space.records, strict=False):
            if one != other:
                return [f"folded again, record {one.position} is {other}, and was {one}"]
        return []

    def worker_of(self, invocation: str, attempt: int) -> str | None:
        """Who owns an attempt as the log has it."""
        records = self.memory.space(self.namespace).records
        for record in records[self._looked :]:
            if isinstance(record.fact, AttemptStarted):
                self._starts[record.fact.invocation, record.fact.attempt] = record.fact.worker
        self._looked = len(records)
        return self._starts.get((invocation, attempt))


class SimWire:
    """One process's connection."""

    name = "a simulated Kafka"

    def __init__(self, kafka: Kafka, clock: Clock, calm: bool) -> None:
        self._kafka, self._clock, self._calm = kafka, clock, calm
        self.lines: Sequence[Line] = tuple(kafka.lines.lines)

    def topic(self, role: str) -> str:
        """The name of a role's topic."""
        return f"sim.{role}"

    async def open(self) -> str:
        """Connect."""
        try:
            self._reach()
        except Lost as error:
            raise StoreUnavailable(str(error)) from error
        return "simulated"

    async def close(self) -> None:
        """Let go."""

    async def send(self, line: Line, value: bytes) -> Sent:
        """Send a record to its fate."""
        kafka, trouble = self._kafka, self._kafka.trouble
        if self._calm:
            await asyncio.sleep(0)
            return Sent(kafka.append(line, value))
        rates = trouble.rates
        await self._delay()
        if trouble.happens(rates.killed):
            await self._die(f"before a record to {line} is sent")
        if trouble.loop.time() < trouble.away_until or trouble.happens(rates.unavailable) or line in kafka.lines.hidden:
            raise Unsent("the simulated broker was not reached")
        if trouble.happens(rates.undone):
            kafka.counts["record lost"] += 1
            raise InDoubt("the record was lost")
        if trouble.happens(rates.done_later):
            kafka.counts["record landed late"] += 1
            trouble.later("land", lambda: kafka.append(line, value), trouble.draw.random() * rates.later_seconds)
            raise InDoubt("no acknowledgement in time")
        offset = kafka.append(line, value)
        if trouble.happens(rates.twice):
            kafka.counts["record landed twice"] += 1
            trouble.later("land", lambda: kafka.append(line, value), trouble.draw.random() * rates.later_seconds)
        if trouble.happens(rates.killed):
            await self._die(f"after a record to {line} was sent")
        await self._delay()
        if trouble.happens(rates.done_unknown):
            kafka.counts["acknowledgement lost"] += 1
            raise InDoubt("the acknowledgement was lost")
        return Sent(offset)

    async def reading(self, after: Mapping[Line, int]) -> Reading:
        """Begin to read."""
        self._reach()
        return SimReading(self, after)

    async def ends(self) -> Mapping[Line, int]:
        """The last offset of each line."""
        await asyncio.sleep(0)
        self._reach()
        return {line: len(records) - 1 for line, records in self._kafka.lines.lines.items()}

    @property
    def kafka(self) -> Kafka:
        """Where it leads."""
        return self._kafka

    @property
    def calm(self) -> bool:
        """Whether it has no faults."""
        return self._calm

    async def _delay(self) -> None:
        trouble, rates = self._kafka.trouble, self._kafka.trouble.rates
        seconds = trouble.draw.random() * rates.delay_seconds if trouble.happens(rates.delayed) else 0
        await asyncio.sleep(seconds)

    def _reach(self) -> None:
        trouble = self._kafka.trouble
        if self._calm or trouble.over:
            return
        if trouble.loop.time() < trouble.away_until or trouble.happens(trouble.rates.unavailable):
            raise Lost("the simulated broker was not reached")

    async def _die(self, where: str) -> None:
        process = PROCESS.get()
        if process:
            self._kafka.trouble.kill(process, where)
            if self._kafka.trouble.loop.is_dead(process):
                await asyncio.get_running_loop().create_future()


class SimReading:
    """Reads each line on, not always all of it, now and then something again, until it is lost."""

    def __init__(self, wire: SimWire, after: Mapping[Line, int]) -> None:
        self._wire, self._kafka = wire, wire.kafka
        self._next = {line: after.get(line, -1) + 1 for line in self._kafka.lines.lines}

    async def read(self) -> Sequence[Arrived]:
        """Return something that is new."""
        trouble, rates = self._kafka.trouble, self._kafka.trouble.rates
        await asyncio.sleep(0)
        while True:
            changed = self._kafka.lines.changed
            if found := self._found():
                if not self._wire.calm:
                    if trouble.happens(rates.delayed):
                        await asyncio.sleep(trouble.draw.random() * rates.delay_seconds)
                    if trouble.happens(rates.unavailable):
                        self._kafka.counts["reading lost"] += 1
                        raise Lost("the simulated reading broke")
                return found
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await changed.wait()
            except TimeoutError:
                return []

    def _found(self) -> list[Arrived]:
        """Take what is visible: of some lines at a time less than is there."""
        lines, trouble, rates = self._kafka.lines, self._kafka.trouble, self._kafka.trouble.rates
        found: list[Arrived] = []
        for line, at in self._next.items():
            new = lines.lines[line][at : lines.visible(line)]
            if new and not self._wire.calm and trouble.happens(rates.short_pages):
                new = new[: trouble.draw.randint(0, len(new))]
            if new and at and not self._wire.calm and trouble.happens(rates.twice):
                self._kafka.counts["record read twice"] += 1
                found.append(lines.lines[line][at - 1])
            self._next[line] = at + len(new)
            found += new
        return found

    async def close(self) -> None:
        """Let go."""


class KafkaStore(BrokerStore):
    """A process's store, which notes what its Steps and ends came to."""

    decisions: Decisions
    work: Work

    async def open(self) -> None:
        """Open it."""
        await super().open()
        wire = self._wire
        assert isinstance(wire, SimWire)
        self.decisions = _NotedDecisions(self.decisions, wire.kafka.counts)
        self.work = _NotedWork(self.work, wire.kafka.counts)


class _NotedDecisions(BrokerDecisions):
    def __init__(self, inner: Decisions, counts: Counter[str]) -> None:
        vars(self).update(vars(inner))
        self._counts = counts

    async def commit(self, step: Step) -> Committed | Superseded | Outrun:
        answer = await super().commit(step)
        if isinstance(answer, Superseded):
            self._counts["Step superseded"] += 1
        if isinstance(answer, Outrun):
            self._counts["Step outrun"] += 1
        return answer


class _NotedWork(BrokerWork):
    def __init__(self, inner: Work, counts: Counter[str]) -> None:
        vars(self).update(vars(inner))
        self._counts = counts

    async def finish(self, ends: Sequence[End]) -> list[bool]:
        answers = await super().finish(ends)
        self._counts["end too late"] += answers.count(False)
        return answers


_: tuple[type[Wire], type[Reading]] = (SimWire, SimReading)
