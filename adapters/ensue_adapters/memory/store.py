"""The ports over one space: each operation goes down the line whole, and comes back with its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from ensue_adapters.memory.archive import MemoryArchive, cursor_of
from ensue_adapters.memory.line import DirectLine, Line
from ensue_adapters.memory.space import Space
from ensue_adapters.memory.views import ViewTables
from ensue_adapters.memory.world import MemoryWorld, world_named
from ensue_core.archive import Archive
from ensue_core.clock import Clock
from ensue_core.defaults import SECOND
from ensue_core.errors import ConfigError, StoreUnavailable
from ensue_core.generations import STILL, Generation, Generations, GenerationState
from ensue_core.ids import Id
from ensue_core.ports import (
    FOREVER,
    Appended,
    Chain,
    Claimed,
    Committed,
    Cursor,
    Decisions,
    End,
    EventQuery,
    Head,
    Health,
    InvocationQuery,
    Leases,
    Log,
    OpenStore,
    Outrun,
    RowKey,
    RowTable,
    RunQuery,
    Step,
    Store,
    Superseded,
    Views,
    Work,
)
from ensue_core.records import Draft, Record
from ensue_core.rows import (
    AttemptRow,
    ChainRow,
    EventRow,
    InvocationRow,
    ParticipantRow,
    ProblemRow,
    QueryRow,
    RunRow,
    ScheduleRow,
    TopicRow,
    TriggerStatsRow,
    WorkRow,
)
from ensue_core.topics import Batch, Clashing, Offsets, Overtaken, Taken

T = TypeVar("T")


class MemoryStore:
    """One namespace of a world, as one process sees it. `line` is where a simulation injects faults."""

    def __init__(self, world: MemoryWorld, namespace: str, clock: Clock, line: Line | None = None) -> None:
        self.namespace = namespace
        self.clock = clock
        self.space = world.space(namespace)
        self.line: Line = line or DirectLine()
        self.closed = True
        self.log: Log = MemoryLog(self)
        self.decisions: Decisions = MemoryDecisions(self)
        self.work: Work = MemoryWork(self)
        self.leases: Leases = MemoryLeases(self)
        self.views: Views = MemoryViews(self, lambda space: space.views)
        self.offsets: Offsets = MemoryOffsets(self)
        self.generations: Generations = MemoryGenerations(self)

    async def ask(self, operation: str, act: Callable[[Space], T]) -> T:
        """Send an operation down the line; it meets the space as it is at that moment.

        Raises `StoreUnavailable` where the store is not open.
        """
        if self.closed:
            raise StoreUnavailable(f"{operation}: the memory store is not open, await store.open() first")
        return await self.line.carry(operation, lambda: act(self.space))

    def now(self) -> int:
        """Return this process's time."""
        return self.clock.now()

    def until(self, seconds: float) -> int:
        """Return the time so many seconds from now."""
        return self.clock.now() + round(seconds * SECOND)

    async def open(self) -> None:
        """Be ready; nothing is missing in memory."""
        self.closed = False

    async def close(self) -> None:
        """Let nobody wait any longer; the world stays."""
        self.closed = True
        self.space.wake()

    def archive(self) -> Archive:
        """Return the same namespace for reading alone, not yet open."""
        return MemoryArchive(self.space, self.namespace)

    async def rebuild_decisions(self) -> None:
        """Fold the decision views again."""
        await self.ask("rebuild", lambda space: space.rebuild())

    async def dump_decisions(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every decision view's rows, sorted."""
        return await self.ask("dump", lambda space: space.dump())

    async def health(self) -> Sequence[Health]:
        """Say how much is kept; memory is always well."""
        records = await self.ask("health", lambda space: len(space.records))
        return [Health("memory", True, f"{records} records in this process, gone when it ends")]


class MemoryLog:
    """The log of a space."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts."""
        return await self._store.ask("log.append", lambda space: space.append(drafts, self._store.now()))

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position."""
        return await self._store.ask("log.read", lambda space: space.records[max(after, 0) :][: max(limit, 0)])

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return records by position."""
        return await self._store.ask(
            "log.read_at",
            lambda space: {at: space.records[at - 1] for at in positions if 0 < at <= len(space.records)},
        )

    async def find(self, id: Id) -> Record | None:
        """Return a record by id."""
        return await self._store.ask("log.find", lambda space: space.find(id))

    async def head(self) -> Head:
        """Return the end of the log."""
        return await self._store.ask("log.head", lambda space: space.head())

    def known(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position."""
        return self._store.space.records[max(after, 0) :][: max(limit, 0)]

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Wait for a record past a position; 0 when the time is up or the store is closed."""
        store = self._store
        if await store.ask("log.wait", lambda space: len(space.records) > after):
            return len(store.space.records)
        sleeper = None if timeout is None else asyncio.ensure_future(store.clock.sleep(timeout))
        try:
            while not store.closed and len(store.space.records) <= after:
                if sleeper is not None and sleeper.done():
                    return 0
                await store.space.changed(sleeper)
        finally:
            if sleeper is not None:
                sleeper.cancel()
        reached = len(store.space.records)
        return reached if reached > after else 0

    async def horizon(self, after: int, until: int) -> int:
        """Time is no concern here: a commit is void where it lets more pass than it may."""
        return FOREVER


class MemoryDecisions:
    """The chains of a space."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def load(self, service: str) -> Chain:
        """Return a snapshot of a chain."""
        return await self._store.ask("decisions.load", lambda space: space.chains.snapshot(service))

    async def commit(self, step: Step) -> Committed | Superseded | Outrun:
        """Commit a Step."""
        return await self._store.ask("decisions.commit", lambda space: space.commit(step, self._store.now()))

    async def find_step(self, service: str, step: Id) -> Committed | None:
        """Return an effective Step."""
        return await self._store.ask("decisions.find_step", lambda space: space.find_step(service, step))

    async def chains(self) -> Sequence[ChainRow]:
        """Return all chains."""
        return await self._store.ask(
            "decisions.chains", lambda space: [row for _, row in sorted(space.chains.chains.items())]
        )


class MemoryWork:
    """The work of a space."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def claim(self, worker: str, tasks: Collection[str], limit: int, lease_seconds: float) -> Sequence[Claimed]:
        """Start due attempts."""
        store = self._store
        return await store.ask(
            "work.claim",
            lambda space: space.claim(worker, tasks, limit, store.until(lease_seconds), store.now()),
        )

    async def renew(self, worker: str, held: Sequence[tuple[Id, int]], lease_seconds: float) -> list[bool]:
        """Renew leases."""
        store = self._store
        return await store.ask("work.renew", lambda space: space.renew(worker, held, store.until(lease_seconds)))

    async def finish(self, ends: Sequence[End]) -> list[bool]:
        """Append ends."""
        return await self._store.ask("work.finish", lambda space: space.finish(ends, self._store.now()))

    async def expired(self, limit: int) -> Sequence[WorkRow]:
        """Return attempts without a live lease."""
        return await self._store.ask("work.expired", lambda space: space.work.overdue(self._store.now(), limit))

    async def cancel(self, cancellation: Draft) -> bool:
        """Append a cancellation."""
        return await self._store.ask("work.cancel", lambda space: space.cancel(cancellation, self._store.now()))

    async def get(self, invocation: Id) -> WorkRow | None:
        """Return an unfinished invocation."""
        return await self._store.ask("work.get", lambda space: space.work.rows.get(invocation))

    async def next_due(self, tasks: Collection[str]) -> int | None:
        """Return when the next attempt is due."""
        return await self._store.ask("work.next_due", lambda space: space.work.next_due(tasks))

    async def queued(self) -> int:
        """Return how many invocations are unfinished."""
        return await self._store.ask("work.queued", lambda space: len(space.work.rows))


class MemoryLeases:
    """Named leases of a space."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def hold(self, name: str, holder: str, note: str, seconds: float) -> bool:
        """Take or renew a lease."""
        store = self._store
        return await store.ask(
            "leases.hold",
            lambda space: space.hold(name, holder, note, store.now(), store.until(seconds)),
        )

    async def release(self, name: str, holder: str) -> None:
        """Give a lease up."""
        await self._store.ask("leases.release", lambda space: space.release(name, holder))

    async def holders(self, prefix: str) -> Sequence[tuple[str, str, str]]:
        """Return live leases."""
        return await self._store.ask("leases.holders", lambda space: space.holders(prefix, self._store.now()))


class MemoryOffsets:
    """The topics' offsets of a space."""

    per_partition = False

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def rows(self, topic: str) -> Sequence[TopicRow]:
        """Return a topic's partitions."""
        return await self._store.ask(
            "offsets.rows", lambda space: [row for key, row in sorted(space.topics.items()) if key[0] == topic]
        )

    async def ingest(self, batches: Sequence[Batch]) -> list[Taken | Overtaken | Clashing]:
        """Take batches in."""
        return await self._store.ask("offsets.ingest", lambda space: space.ingest(batches, self._store.now()))


class MemoryViews:
    """The query views of a space, of the generation that `pick` picks."""

    page_records_max = 4_000

    def __init__(self, store: MemoryStore, pick: Callable[[Space], ViewTables]) -> None:
        self._store, self._pick = store, pick

    async def _ask(self, operation: str, act: Callable[[ViewTables], T]) -> T:
        return await self._store.ask("views." + operation, lambda space: act(self._pick(space)))

    async def cursor(self, projection: str, version: int) -> int:
        """Return how far a projection has come."""
        return await self._ask("cursor", lambda views: views.cursor(projection, version))

    async def load(self, table: RowTable, keys: Collection[RowKey]) -> dict[RowKey, QueryRow]:
        """Return rows by key."""
        return await self._ask("load", lambda views: views.load(table, keys))

    async def project(self, before: Cursor, rows: Mapping[RowTable, Mapping[RowKey, QueryRow]], after: int) -> bool:
        """Write rows and move the cursor."""

        def act(space: Space) -> bool:
            views = self._pick(space)
            still = space.held.get(STILL) if views is space.views else None
            if still is not None and still[2] > self._store.now():
                return False
            return views.project(before, rows, after)

        return await self._store.ask("views.project", act)

    async def drop(self) -> None:
        """Empty every query view."""
        await self._ask("drop", lambda views: views.drop())

    async def events(self, query: EventQuery) -> Sequence[EventRow]:
        """Return events."""
        return await self._ask("events", lambda views: views.events(query))

    async def runs(self, query: RunQuery) -> Sequence[RunRow]:
        """Return runs."""
        return await self._ask("runs", lambda views: views.runs(query))

    async def invocations(self, query: InvocationQuery) -> Sequence[InvocationRow]:
        """Return invocations."""
        return await self._ask("invocations", lambda views: views.invocations(query))

    async def participants(self, run: Id) -> Sequence[ParticipantRow]:
        """Return a run's participants."""
        return await self._ask("participants", lambda views: views.participants(run))

    async def attempts(self, invocation: Id) -> Sequence[AttemptRow]:
        """Return an invocation's attempts."""
        return await self._ask("attempts", lambda views: views.attempts(invocation))

    async def trigger_stats(self) -> Sequence[TriggerStatsRow]:
        """Return statistics of triggers."""
        return await self._ask("trigger_stats", lambda views: views.trigger_stats())

    async def schedules(self) -> Sequence[ScheduleRow]:
        """Return schedules."""
        return await self._ask("schedules", lambda views: views.schedules())

    async def problems(self, before: int | None, limit: int) -> Sequence[ProblemRow]:
        """Return problems."""
        return await self._ask("problems", lambda views: views.problems(before, limit))


class MemoryGenerations:
    """The generations of a space's query views."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def all(self) -> list[Generation]:
        """Return what there is."""
        return await self._store.ask("generations.all", _generations)

    async def begin(self) -> Generation:
        """Return the generation beside the live one."""
        return await self._store.ask("generations.begin", _begin)

    def views(self, generation: Generation) -> Views:
        """Return the views over one generation's rows."""
        return MemoryViews(self._store, lambda space: space.generations.tables[generation.number])

    async def switch(self, to: Generation) -> bool:
        """Make a generation live."""
        return await self._store.ask("generations.switch", lambda space: _switch(space, to.number))

    async def hold(self, seconds: float) -> None:
        """Let the live views stand still."""

        def act(space: Space) -> None:
            now = self._store.now()
            space.hold(STILL, STILL, "", now, now + round(seconds * SECOND))

        await self._store.ask("generations.hold", act)

    async def drop(self, generation: Generation, rows_max: int = 5_000) -> bool:
        """Remove a generation that is not live."""
        return await self._store.ask("generations.drop", lambda space: _drop(space, generation.number))


def _generations(space: Space) -> list[Generation]:
    found = space.generations
    numbers: tuple[tuple[int, GenerationState], ...] = (
        (found.live, "live"), (found.kept, "kept"), (found.beside, "beside"),
    )  # fmt: skip
    return [Generation(number, state, cursor_of(found.tables[number])) for number, state in numbers if number]


def _begin(space: Space) -> Generation:
    found = space.generations
    if not found.beside:
        found.last += 1
        found.beside = found.last
        found.tables[found.beside] = ViewTables()
    return Generation(found.beside, "beside", cursor_of(found.tables[found.beside]))


def _switch(space: Space, number: int) -> bool:
    found = space.generations
    if found.live == number:
        return True
    new, old = cursor_of(found.tables[number]), cursor_of(space.views)
    if new is None or (old is not None and old.version == new.version and old.position > new.position):
        return False
    found.live, found.kept, found.beside = number, found.live, 0 if found.beside == number else found.beside
    space.views = found.tables[number]
    space.release(STILL, STILL)
    return True


def _drop(space: Space, number: int) -> bool:
    found = space.generations
    if found.live == number:
        return False
    found.tables.pop(number, None)
    found.kept, found.beside = (0 if each == number else each for each in (found.kept, found.beside))
    return True


def open_store(url: str, namespace: str, clock: Clock) -> Store:
    """Return the store of a `memory:` or `memory://name` URL, not yet open."""
    parts = urlsplit(url)
    if parts.scheme != "memory" or parts.query or parts.fragment or (parts.path and parts.netloc):
        raise ConfigError(f"{url!r} is not a memory URL: write memory: or memory://name")
    return MemoryStore(world_named(parts.netloc or parts.path), namespace, clock)


_: tuple[
    type[Log],
    type[Decisions],
    type[Work],
    type[Leases],
    type[Views],
    type[Offsets],
    type[Generations],
    type[Store],
    OpenStore,
] = (
    MemoryLog,
    MemoryDecisions,
    MemoryWork,
    MemoryLeases,
    MemoryViews,
    MemoryOffsets,
    MemoryGenerations,
    MemoryStore,
    open_store,
)
