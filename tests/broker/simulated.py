"""A broker in memory: lines that keep what is sent, with the network's faults where a test wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from ensue_adapters.broker.store import BrokerStore
from ensue_adapters.broker.wire import InDoubt, Reading, Sent, Unsent, Wire
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_adapters.memory.folded import FoldedSpace, MemoryFolded
from ensue_adapters.memory.line import Line as MemoryLine
from ensue_core.clock import Clock
from ensue_projections.ordering import SPINE, Arrived, Line

Fate = Callable[[Line, bytes], str]
"""What happens to a record on its way: "lands", "lost", "twice", "unanswered" (it lands, nobody says so), "unsent"."""

PARTITIONS = 3


class Broker:
    """Lines, shared by all who are connected."""

    def __init__(self, events: int = PARTITIONS, attempts: int = PARTITIONS) -> None:
        self.lines: dict[Line, list[Arrived]] = {
            **{("events", number): [] for number in range(events)},
            **{("attempts", number): [] for number in range(attempts)},
            SPINE: [],
        }
        self.hidden: dict[Line, int] = {}
        self._changed = asyncio.Event()

    def append(self, line: Line, value: bytes, time: int) -> int:
        """Keep a record."""
        records = self.lines[line]
        records.append(Arrived(line, len(records), time, value))
        self.wake()
        return len(records) - 1

    def hide(self, line: Line) -> None:
        """Let readers see nothing more of a line, as where its leader is away; what is sent still lands."""
        self.hidden[line] = len(self.lines[line])

    def show(self, line: Line) -> None:
        """Let readers see all of a line again."""
        self.hidden.pop(line, None)
        self.wake()

    def visible(self, line: Line) -> int:
        """How many records of a line readers see."""
        return self.hidden.get(line, len(self.lines[line]))

    def wake(self) -> None:
        """Wake every reader."""
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def changed(self) -> asyncio.Event:
        """Set at the next change."""
        return self._changed


class SimulatedWire:
    """One process's connection. It stamps what it sends with its clock, as a broker with that clock would."""

    def __init__(self, broker: Broker, clock: Clock, fate: Fate | None = None) -> None:
        self.broker, self.clock = broker, clock
        self.fate: Fate = fate or (lambda line, value: "lands")
        self.late: list[tuple[Line, bytes]] = []
        self.name = "a simulated broker"
        self.lines: Sequence[Line] = tuple(broker.lines)
        self.sent = 0

    def topic(self, role: str) -> str:
        """The name of a role's topic."""
        return f"sim.{role}"

    async def open(self) -> str:
        """Connect."""
        return "simulated"

    async def close(self) -> None:
        """Let go."""

    async def send(self, line: Line, value: bytes) -> Sent:
        """Send a record to its fate."""
        await asyncio.sleep(0)
        self.sent += 1
        match self.fate(line, value):
            case "unsent":
                raise Unsent("no broker answers")
            case "lost":
                raise InDoubt("the connection was lost")
            case "late":
                self.late.append((line, value))
                raise InDoubt("the connection was lost")
            case "unanswered":
                self.broker.append(line, value, self.clock.now())
                raise InDoubt("the connection was lost")
            case "twice":
                self.broker.append(line, value, self.clock.now())
            case _:
                pass
        offset = self.broker.append(line, value, self.clock.now())
        await asyncio.sleep(0)
        return Sent(offset)

    def land(self) -> None:
        """Let everything land that was given up long ago."""
        for line, value in self.late:
            self.broker.append(line, value, self.clock.now())
        self.late.clear()

    async def reading(self, after: Mapping[Line, int]) -> Reading:
        """Begin to read."""
        return SimulatedReading(self.broker, after)

    async def ends(self) -> Mapping[Line, int]:
        """The last offset of each line."""
        await asyncio.sleep(0)
        return {line: self.broker.visible(line) - 1 for line in self.broker.lines}


class SimulatedReading:
    """Reads each line on."""

    def __init__(self, broker: Broker, after: Mapping[Line, int]) -> None:
        self._broker = broker
        self._next = {line: after.get(line, -1) + 1 for line in broker.lines}

    async def read(self) -> Sequence[Arrived]:
        """Return what is new."""
        await asyncio.sleep(0)
        while True:
            changed = self._broker.changed
            found: list[Arrived] = []
            for line, at in self._next.items():
                new = self._broker.lines[line][at : self._broker.visible(line)]
                self._next[line] = at + len(new)
                found += new
            if found:
                return found
            try:
                async with asyncio.timeout(1.0):
                    await changed.wait()
            except TimeoutError:
                return []

    async def close(self) -> None:
        """Let go."""


class Town:
    """A broker and a world of views for each namespace; makes stores of any number of processes."""

    def __init__(self, partitions: int = PARTITIONS) -> None:
        self._partitions = partitions
        self.brokers: dict[str, Broker] = {}
        self.views: dict[str, FoldedSpace] = {}
        self.world = MemoryWorld()

    def broker(self, namespace: str) -> Broker:
        """The broker of a namespace."""
        if namespace not in self.brokers:
            self.brokers[namespace] = Broker(self._partitions, self._partitions)
        return self.brokers[namespace]

    def store(
        self,
        namespace: str,
        clock: Clock,
        fate: Fate | None = None,
        line: MemoryLine | None = None,
        patience_seconds: float = 2.0,
    ) -> BrokerStore:
        """The store of another process."""
        memory = MemoryStore(self.world, namespace, clock, line)
        folded = self.views.setdefault(namespace, FoldedSpace(memory.space))
        wire = SimulatedWire(self.broker(namespace), clock, fate)
        return BrokerStore(wire, MemoryFolded(memory, folded), namespace, clock, patience_seconds)


_: type[Wire] = SimulatedWire
