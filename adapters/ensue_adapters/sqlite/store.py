"""The store: opens the file, holds the ports together, closes in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from ensue_adapters.sql.tail import Tail
from ensue_adapters.sql.watch import Watch
from ensue_adapters.sqlite import health, rebuild
from ensue_adapters.sqlite.archive import SQLiteArchive
from ensue_adapters.sqlite.connection import check_version
from ensue_adapters.sqlite.decisions import SQLiteDecisions
from ensue_adapters.sqlite.delivery import Delivery
from ensue_adapters.sqlite.filesystem import refuse_network
from ensue_adapters.sqlite.generations import SQLiteGenerations
from ensue_adapters.sqlite.leases import SQLiteLeases
from ensue_adapters.sqlite.log import SQLiteLog
from ensue_adapters.sqlite.look import Look
from ensue_adapters.sqlite.offsets import SQLiteOffsets
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader, snapshot
from ensue_adapters.sqlite.url import Place, parse_url
from ensue_adapters.sqlite.views import SQLiteViews
from ensue_adapters.sqlite.wake import Wake
from ensue_adapters.sqlite.work import SQLiteWork
from ensue_adapters.sqlite.writer import Writer
from ensue_core.archive import Archive
from ensue_core.clock import Clock
from ensue_core.errors import StoreUnavailable
from ensue_core.generations import Generations
from ensue_core.ports import Decisions, Health, Leases, Log, OpenStore, Store, Views, Work
from ensue_core.records import Record
from ensue_core.topics import Offsets


class SQLiteStore:
    """One namespace of one SQLite file. It belongs to the event loop that opens it."""

    log: Log
    decisions: Decisions
    work: Work
    leases: Leases
    views: Views
    offsets: Offsets
    generations: Generations

    def __init__(self, place: Place, namespace: str, clock: Clock) -> None:
        self.namespace = namespace
        self.clock = clock
        self._place = place
        self._tail = Tail()
        self._watch: Watch | None = None
        self._wake: Wake | None = None
        self._writer: Writer | None = None
        self._readers: list[Reader] = []
        self._places: Places | None = None

    async def open(self) -> None:
        """Open or create the file; one clear error where that cannot be."""
        if self._places is not None:
            return
        check_version()
        self._place = _found(self._place)
        loop = asyncio.get_running_loop()
        delivery = Delivery(loop)
        wake = Wake(self._place.path)
        self._writer = Writer(
            self._place, self.namespace, self.clock, delivery, committed=self._committed, hint=wake.send
        )
        self._tail = Tail()
        try:
            places: Places = await asyncio.shield(self._writer.opened)
        except BaseException:
            await self._writer.close()
            raise
        self._places = places
        # Reads that the engine waits for, and questions of people, which may take long.
        reads, questions = (Reader(self._place, delivery, name) for name in ("reads", "questions"))
        self._readers = [reads, questions]
        self._watch = Watch(loop, Look(reads, places), self._place.poll_seconds)
        if self._place.hint and wake.open(loop, self._watch.hinted):
            self._wake = wake
        self.log = SQLiteLog(self._writer, reads, places, self._tail, self._watch)
        self.decisions = SQLiteDecisions(self._writer, reads, places)
        self.work = SQLiteWork(self._writer, reads, places, self._tail)
        self.leases = SQLiteLeases(self._writer, reads, places)
        self.views = SQLiteViews(self._writer, reads, questions, places)
        self.offsets = SQLiteOffsets(self._writer, reads, places)
        self.generations = SQLiteGenerations(self._writer, reads, questions, places)

    async def close(self) -> None:
        """Finish what was asked and let go of the file. Repeating it does nothing."""
        if self._watch is not None:
            await self._watch.close()
        for reader in self._readers:
            await reader.close()
        if self._writer is not None:
            await self._writer.close()
        if self._wake is not None:
            self._wake.close()
            self._wake = None
        self._places = self._writer = self._watch = None
        self._readers = []

    def archive(self) -> Archive:
        """Return the same namespace for reading alone, not yet open."""
        return SQLiteArchive(self._place, self.namespace)

    async def rebuild_decisions(self) -> None:
        """Drop the decision views and fold them again from the log, in one transaction."""
        writer, _ = self._opened()
        await writer.run(rebuild.rebuild)

    async def dump_decisions(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every decision view's rows, sorted, without leases."""
        _, places = self._opened()
        return await self._readers[0].run(snapshot(lambda connection: rebuild.dump(connection, places.namespace)))

    async def health(self) -> Sequence[Health]:
        """Look at the file as `ensue doctor` shows it."""
        _, places = self._opened()
        place, clock, hint = self._place, self.clock, self._wake is not None
        return await self._readers[0].run(lambda connection: health.look(connection, place, places, clock, hint))

    def _committed(self, records: Sequence[Record], size: int) -> None:
        """On the loop, before the writers' callers go on: keep the records and wake who waits for them."""
        if records:
            self._tail.extend(records, size)
            if self._watch is not None:
                self._watch.advance(records[-1].position)

    def parts(self) -> tuple[Writer, Reader, Places]:
        """Return what writes, what reads and where, for what is made of this store. Raises `StoreUnavailable`."""
        writer, places = self._opened()
        return writer, self._readers[0], places

    def _opened(self) -> tuple[Writer, Places]:
        if self._writer is None or self._places is None:
            raise StoreUnavailable(f"{self._place.path} is not open: open the engine before you use it")
        return self._writer, self._places


def open_store(url: str, namespace: str, clock: Clock) -> Store:
    """Return the store that a URL names, not yet open; raises `ConfigError` for a bad URL."""
    return SQLiteStore(parse_url(url), namespace, clock)


_: OpenStore = open_store


def _found(place: Place) -> Place:
    """Return the place by its real path, which all processes share; refuses what cannot work."""
    path = place.path.absolute()
    if not path.parent.is_dir():
        raise StoreUnavailable(f"directory {path.parent} does not exist: create it or correct the URL")
    path = path.resolve()
    if not place.force_network:
        refuse_network(path)
    return msgspec.structs.replace(place, path=path)
