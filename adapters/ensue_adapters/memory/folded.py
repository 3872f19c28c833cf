"""The memory store as the views of a log that lies elsewhere: the transactions that only such a log makes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence

from ensue_adapters.broker.keeping import moved, passed
from ensue_adapters.broker.views import Asked, Folded, FoldedViews, Folding, Stored, judged, requests_of
from ensue_adapters.memory.space import Space
from ensue_adapters.memory.store import MemoryStore
from ensue_core.facts import AttemptStarted
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Store
from ensue_core.rows import WorkRow
from ensue_projections.registers import Known, Run, wants_of
from ensue_projections.requests import Verdict


class FoldedSpace:
    """What the stores of one namespace share beside its space: how far it is folded, and what became of requests."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.stored = Stored()
        self.verdicts: dict[Id, tuple[Verdict, ...]] = {}
        self.horizons: list[tuple[int, int]] = []

    def fold(self, folding: Folding) -> Folded | None:
        """Judge and write, as one moment."""
        if folding.version != self.stored.version:
            return None
        verdicts, registers = judged(folding, self._known(folding))
        for run in registers.runs:
            self._stand(run)
        for asked, each in zip(folding.asked, verdicts, strict=True):
            self._keep(asked, each)
        after = moved(self.stored, folding, registers.head.position)
        if passed(self.stored, after):
            self.horizons.append((self.stored.position, self.stored.order.horizon))
        self.stored = after
        return Folded(verdicts, registers.runs, self.stored)

    def horizon_at(self, position: int) -> int:
        """Return the horizon that held at a position."""
        index = bisect_right(self.horizons, (position, 1 << 62))
        return self.horizons[index - 1][1] if index else 0

    def let(self, worker: str, tasks: Collection[str], limit: int, now: int, until: int) -> list[WorkRow]:
        """Lease due attempts that nobody has."""
        work = self.space.work
        time = max(now, self.space.head().time)
        due = sorted(
            (row.due, row.created, row.invocation)
            for row in work.rows.values()
            if not row.started and row.task in tasks and row.due <= time and not work.leased(row.invocation, now)
        )
        rows = [work.rows[invocation] for _, _, invocation in due[:limit]]
        for row in rows:
            work.leases[row.invocation] = (worker, until)
        return rows

    def unlet(self, worker: str, invocations: Collection[Id]) -> None:
        """Give leases back."""
        work = self.space.work
        for each in invocations:
            row = work.rows.get(each)
            if row is not None and not row.started and work.leases.get(each, ("", 0))[0] == worker:
                del work.leases[each]

    def _known(self, folding: Folding) -> Known:
        space, wants = self.space, wants_of(requests_of(folding), careful=True)
        return Known(
            space.head(),
            {id: space.records[space.ids[id] - 1] for id in wants.ids if id in space.ids},
            {id: space.work.rows[id] for id in wants.invocations if id in space.work.rows},
            {service: space.chains.row(service).step or NO_ID for service in wants.services},
            {key: space.topics[key].through for key in wants.sources if key in space.topics},
            {at: space.records[at].time for at in wants.positions if at < len(space.records)},
        )

    def _stand(self, run: Run) -> None:
        records = self.space.stand(run.drafts, run.time)
        for record in records if run.worker else ():
            if isinstance(record.fact, AttemptStarted):
                self.space.work.leases[record.fact.invocation] = (run.worker, run.until)

    def _keep(self, asked: Asked, verdicts: tuple[Verdict, ...]) -> None:
        if asked.keep:
            self.verdicts.setdefault(asked.envelope, verdicts)


class MemoryFolded:
    """The views of one process, over a space that several share."""

    def __init__(self, store: MemoryStore, folded: FoldedSpace) -> None:
        self._store = store
        self._folded = folded

    @property
    def store(self) -> Store:
        """The store that answers all that is only read."""
        return self._store

    async def open(self) -> None:
        """Open the store."""
        await self._store.open()

    async def close(self) -> None:
        """Close it."""
        await self._store.close()

    async def stored(self) -> Stored:
        """Return how far the views are folded."""
        return await self._store.ask("views.stored", lambda space: self._folded.stored)

    async def fold(self, folding: Folding) -> Folded | None:
        """Judge and write."""
        return await self._store.ask("views.fold", lambda space: self._folded.fold(folding))

    async def verdicts(self, envelopes: Collection[Id]) -> Mapping[Id, tuple[Verdict, ...]]:
        """Return what became of some envelopes."""
        kept = self._folded.verdicts
        return await self._store.ask(
            "views.verdicts", lambda space: {each: kept[each] for each in envelopes if each in kept}
        )

    async def horizon_at(self, position: int) -> int:
        """Return the horizon that held at a position."""
        return await self._store.ask("views.horizon", lambda space: self._folded.horizon_at(position))

    async def let(self, worker: str, tasks: Collection[str], limit: int, seconds: float) -> Sequence[WorkRow]:
        """Lease due attempts."""
        now, until = self._store.now(), self._store.until(seconds)
        return await self._store.ask("views.let", lambda space: self._folded.let(worker, tasks, limit, now, until))

    async def unlet(self, worker: str, invocations: Collection[Id]) -> None:
        """Give leases back."""
        await self._store.ask("views.unlet", lambda space: self._folded.unlet(worker, invocations))

    async def leased(self, invocations: Collection[Id]) -> Collection[Id]:
        """Return those whose lease has not run out."""
        now = self._store.now()
        return await self._store.ask(
            "views.leased", lambda space: {each for each in invocations if space.work.leased(each, now)}
        )


_: type[FoldedViews] = MemoryFolded
