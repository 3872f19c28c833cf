"""The store: opens wire and views, runs what sends and what folds, closes in the right order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

from ensue_adapters.broker.decisions import BrokerDecisions
from ensue_adapters.broker.folder import Folder
from ensue_adapters.broker.horizon import Horizon
from ensue_adapters.broker.leases import BrokerLeases
from ensue_adapters.broker.lines import Lines
from ensue_adapters.broker.log import BrokerLog
from ensue_adapters.broker.offsets import BrokerOffsets
from ensue_adapters.broker.outbox import Outbox
from ensue_adapters.broker.tasks import OwnTasks
from ensue_adapters.broker.views import Folded, FoldedViews, Stored
from ensue_adapters.broker.wire import Lost, Wire
from ensue_adapters.broker.work import BrokerWork
from ensue_core.archive import Archive
from ensue_core.clock import Clock
from ensue_core.errors import EnsueError, StoreUnavailable
from ensue_core.generations import Generations
from ensue_core.ids import Id, new_id
from ensue_core.ports import Decisions, Health, Leases, Log, Store, Views, Work
from ensue_core.topics import Offsets
from ensue_projections.ordering import Line

PATIENCE_SECONDS = 30.0
"""How long a request is sent again and again before its sender is told."""

LOOK_SECONDS = 0.02
"""How often a process that does not fold looks what became of its requests, where no hint comes."""


class BrokerStore:
    """One namespace. It belongs to the event loop that opens it."""

    log: Log
    decisions: Decisions
    work: Work
    leases: Leases
    views: Views
    offsets: Offsets
    generations: Generations

    def __init__(
        self, wire: Wire, views: FoldedViews, namespace: str, clock: Clock, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.namespace = namespace
        self.clock = clock
        self._wire = wire
        self._folded = views
        self._patience = patience_seconds
        self._opened = False
        self._outbox: Outbox | None = None
        self._folder: Folder | None = None
        self._horizon: Horizon | None = None
        self._tasks: OwnTasks | None = None
        self._running: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connect to both; returns once the views hold all that stood in the lines before."""
        if self._opened:
            return
        await self._folded.open()
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked and let go of everything. Repeating it does nothing."""
        self._opened = False
        if self._tasks is not None:
            await self._tasks.close()
        if self._horizon is not None:
            await self._horizon.close()
        if self._outbox is not None:
            await self._outbox.drain()
            await self._outbox.close()
        running, self._running = self._running, []
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._wire.close()
        await self._folded.close()
        self._tasks = self._horizon = self._outbox = self._folder = None

    def archive(self) -> Archive:
        """Return the views' copy of the namespace for reading alone, not yet open."""
        return self._folded.store.archive()

    async def rebuild_decisions(self) -> None:
        """Drop the decision views and fold them again from what stands, in one transaction."""
        await self._folded.store.rebuild_decisions()

    async def dump_decisions(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every decision view's rows, sorted, without leases."""
        return await self._folded.store.dump_decisions()

    async def health(self) -> Sequence[Health]:
        """Look at the lines and at the views as `ensue doctor` shows them."""
        try:
            ends = await self._wire.ends()
        except Lost as error:
            lines = Health("lines", False, str(error))
        else:
            stored = await self._folded.stored()
            behind = sum(max(end - stored.order.after(line), 0) for line, end in ends.items())
            who = "this process folds" if self._folds() else "another process folds"
            lines = Health("lines", True, f"{self._wire.name}: {behind} records are not folded yet; {who}")
        return [lines, *await self._folded.store.health()]

    async def _open(self) -> None:
        identity = await self._wire.open()
        stored = await self._folded.stored()
        if stored.version and stored.lines != identity:
            raise StoreUnavailable(
                f"{self._wire.name} holds other topics than these views were folded from: give it views of its own, "
                "or the topics that belong to them"
            )
        store = self._folded.store
        lines = Lines(self._wire.lines)
        outbox = self._outbox = Outbox(self._wire, self.clock, self._patience)
        tasks = self._tasks = OwnTasks(self._wire.name)
        horizon = self._horizon = Horizon(self._folded, outbox, lines, self._folds)
        process = f"{os.getpid()}-{new_id()}"
        self._folder = Folder(self._wire, self._folded, outbox, self.clock, identity, process, self._told)
        self.log = BrokerLog(outbox, lines, store.log, horizon)
        self.decisions = BrokerDecisions(outbox, store.decisions, store.log)
        self.work = BrokerWork(outbox, lines, self._folded, tasks)
        self.offsets = BrokerOffsets(outbox, lines, store.offsets, tasks)
        self.leases = BrokerLeases(store.leases)
        self.views = store.views
        self.generations = store.generations
        self._running = [
            asyncio.create_task(self._folder.run(), name="ensue-kafka-folder"),
            asyncio.create_task(self._look(outbox), name="ensue-kafka-verdicts"),
        ]
        self._opened = True
        await self._catch_up()

    async def _catch_up(self) -> None:
        """Wait until all that stood in the lines is folded, here or elsewhere."""
        try:
            ends = await self._wire.ends()
        except Lost as error:
            raise StoreUnavailable(str(error)) from error
        while True:
            stored = await self._folded.stored()
            # What no mark covers is covered by whoever folds; so every line counts.
            if all(stored.order.after(line) >= end for line, end in ends.items()):
                return
            if self._folder is not None and self._folder.trouble is not None:
                raise self._folder.trouble
            await asyncio.sleep(LOOK_SECONDS)

    def _folds(self) -> bool:
        return self._folder is not None and self._folder.folds

    def _told(self, folded: Folded) -> None:
        if self._horizon is not None:
            self._horizon.folded(folded)

    async def _look(self, outbox: Outbox) -> None:
        """Where another process folds or has just folded, look what became of this one's requests."""
        position = 0
        while True:
            await outbox.wanted.wait()
            if self._folds():
                # It is told by its own fold, but for what another process has folded right before.
                await asyncio.sleep(5 * LOOK_SECONDS)
            undecided = outbox.undecided()
            if not undecided:
                outbox.wanted.clear()
                continue
            try:
                await self._settle(outbox, undecided)
                async with asyncio.timeout(LOOK_SECONDS):
                    position = await self._folded.store.log.wait(position) or position
            except TimeoutError:
                pass
            except EnsueError:
                await asyncio.sleep(LOOK_SECONDS)

    async def _settle(self, outbox: Outbox, undecided: Mapping[Id, tuple[Line, int]]) -> None:
        """Tell what is known of some envelopes, or that their fold's answer was lost."""
        stored = await self._folded.stored() if not self._writes() else Stored()
        for envelope, verdicts in (await self._folded.verdicts(undecided)).items():
            outbox.told(envelope, verdicts)
        if self._writes():
            return
        for envelope in outbox.undecided():
            line, offset = undecided.get(envelope, (None, 0))
            if line is not None and stored.order.after(line) >= offset:
                outbox.forgotten(envelope)

    def _writes(self) -> bool:
        return self._folder is not None and self._folder.writes


_: type[Store] = BrokerStore
