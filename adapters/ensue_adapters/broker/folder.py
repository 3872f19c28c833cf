"""Folding: one process at a time reads the lines back, marks what is to be placed, and writes what counts.

A lease says whose turn it is, and only saves work: two that fold at once cannot both move the views' version. Reading
and marking go on while a transaction is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from ensue_adapters.broker.envelopes import decode, encode
from ensue_adapters.broker.leases import FOLDING
from ensue_adapters.broker.outbox import Outbox
from ensue_adapters.broker.unread import Unread
from ensue_adapters.broker.views import KEPT_SECONDS, Asked, Folded, FoldedViews, Folding, Stored
from ensue_adapters.broker.wire import InDoubt, Lost, Reading, Unsent, Wire
from ensue_core.clock import Clock
from ensue_core.defaults import SECOND
from ensue_core.errors import EnsueError, StoreError
from ensue_core.ids import new_id
from ensue_projections.ordering import SPINE, Arrived, Envelope, Line, Order

LEASE_SECONDS = 3.0
HELD_MAX = 20_000
"""How many records are read ahead of the fold."""

STALE_SECONDS = 5.0
"""After so long without a record, though there are some, the reading is begun anew."""

_PAUSES = (0.02, 0.1, 0.5, 1.0)
_log = logging.getLogger("ensue.kafka")


class Folder:
    """Folds while it is this process's turn."""

    def __init__(
        self,
        wire: Wire,
        views: FoldedViews,
        outbox: Outbox,
        clock: Clock,
        identity: str,
        process: str,
        folded: Callable[[Folded], None],
    ) -> None:
        self._wire, self._views, self._outbox, self._clock = wire, views, outbox, clock
        self._identity, self._process = identity, process
        self._folded = folded
        self._stored: Stored | None = None
        self._marking: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[bool] | None = None
        self.folds = False
        self.trouble: StoreError | None = None

    @property
    def writes(self) -> bool:
        """Whether a fold is on its way, whose answer is not here yet."""
        return self._writing is not None and not self._writing.done()

    async def run(self) -> None:
        """Take turns until cancelled."""
        failures = 0
        try:
            while True:
                try:
                    if await self._views.store.leases.hold(FOLDING, self._process, "", LEASE_SECONDS):
                        await self._turn()
                        failures = 0
                except (EnsueError, Lost) as error:
                    self.trouble = error if isinstance(error, StoreError) else StoreError(str(error))
                    _log.warning("the log cannot be folded (%s): trying again", error)
                    await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                    failures += 1
                    continue
                self.trouble = None
                await asyncio.sleep(LEASE_SECONDS / 10)
        finally:
            with contextlib.suppress(EnsueError):
                await self._views.store.leases.release(FOLDING, self._process)

    # One turn.

    async def _turn(self) -> None:
        """Fold until another process does."""
        stored = self._stored = await self._views.stored()
        reading = await self._wire.reading(stored.order.offsets)
        unread = Unread(stored.order, self._wire.lines, self._decode)
        some, room = asyncio.Event(), asyncio.Event()
        room.set()
        self.folds = True
        try:
            await _first_of(
                self._read(reading, unread, some, room),
                self._fold(unread, some, room),
                self._keep_turn(),
            )
        finally:
            self.folds = False
            if self._writing is not None:
                await asyncio.gather(self._writing, return_exceptions=True)
            marking, self._marking = self._marking, None
            if marking is not None:
                marking.cancel()
                await asyncio.gather(marking, return_exceptions=True)
            await reading.close()

    def _decode(self, arrived: Arrived) -> Envelope:
        return self._outbox.known(arrived.value) or decode(arrived, self._wire.topic(arrived.line[0]))

    async def _read(self, reading: Reading, unread: Unread, some: asyncio.Event, room: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        ends: Mapping[Line, int] = {}
        while True:
            await room.wait()
            arrived = await reading.read()
            if arrived:
                last, ends = loop.time(), {}
                unread.add(arrived)
                self._mark(unread)
                some.set()
                if unread.count() >= HELD_MAX:
                    room.clear()
            elif loop.time() - last > STALE_SECONDS:
                if behind := unread.behind(ends):
                    raise Lost(f"the reading of {self._wire.name} brings nothing though {behind} holds more")
                # What comes now may be on its way here already: where it is not here by the next look, it is lost.
                last, ends = loop.time(), await self._wire.ends()
                self._mark(unread)

    def _mark(self, unread: Unread) -> None:
        """See that a mark is on its way for what is read and not covered."""
        if self._marking is None and unread.uncovered():
            self._marking = asyncio.create_task(self._send_marks(unread), name="ensue-kafka-marks")

    async def _send_marks(self, unread: Unread) -> None:
        """Send marks, one at a time, until everything that was read is covered."""
        failures = 0
        try:
            while covers := unread.uncovered():
                try:
                    await self._wire.send(SPINE, encode(Envelope(new_id(), self._clock.now(), (), covers)))
                    unread.marked(covers)
                    failures = 0
                except (InDoubt, Unsent) as error:
                    _log.debug("a mark is in doubt (%s)", error)
                    await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                    failures += 1
        finally:
            self._marking = None

    async def _fold(self, unread: Unread, some: asyncio.Event, room: asyncio.Event) -> None:
        while True:
            await some.wait()
            some.clear()
            while (found := unread.next()) is not None:
                asked, order = found
                if not await self._write(asked, order):
                    return
                if unread.count() < HELD_MAX:
                    room.set()

    async def _write(self, asked: Sequence[Asked], order: Order) -> bool:
        """Write what counts, in a task of its own: once it is on its way, whoever asked must be told."""
        self._writing = asyncio.create_task(self._write_and_tell(asked, order), name="ensue-kafka-writing")
        return await asyncio.shield(self._writing)

    async def _write_and_tell(self, asked: Sequence[Asked], order: Order) -> bool:
        """Return False where another process has folded since."""
        assert self._stored is not None
        recent = self._clock.now() - round(KEPT_SECONDS * SECOND)
        asked = [
            replace(each, keep=each.keep and each.time > recent and not self._outbox.is_mine(each.envelope))
            for each in asked
        ]
        folded = await self._views.fold(Folding(self._stored.version, asked, order, self._identity))
        if folded is None:
            return False
        self._stored = folded.stored
        self._folded(folded)
        for each, verdicts in zip(asked, folded.verdicts, strict=True):
            self._outbox.told(each.envelope, verdicts)
        return True

    async def _keep_turn(self) -> None:
        """Renew the lease; return where another process has it."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                if not await self._views.store.leases.hold(FOLDING, self._process, "", LEASE_SECONDS):
                    return
            except EnsueError as error:
                _log.debug("the lease of folding: %s", error)


async def _first_of(*works: Awaitable[None]) -> None:
    """Run all until one of them ends, and end the others; raise what it raised."""
    tasks = [asyncio.ensure_future(each) for each in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
