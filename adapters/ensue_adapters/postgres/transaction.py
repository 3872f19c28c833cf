"""One write transaction: enters the log, gives drafts their places, stores them, folds them into the decision views.

Locks are taken in one order, so that no two transactions wait for each other: rows of chains and work first, then
the log lock, then keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.postgres.folding import Folding
from ensue_adapters.postgres.intake import drain
from ensue_adapters.postgres.pages import positions_of, read_at
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.space import Space
from ensue_adapters.postgres.texts import column
from ensue_adapters.postgres.witness import Witness
from ensue_adapters.sql.gathering import NOBODY, Lease, gather
from ensue_adapters.sql.placing import place_all, resolve, root_column, time_of
from ensue_adapters.sql.repeats import fresh_of, outcomes_of
from ensue_core.clock import Clock
from ensue_core.facts import FORMAT
from ensue_core.ports import Appended, Head
from ensue_core.records import Draft, Record
from ensue_projections.registers import Run

_ROWS_MAX = 5_000
"""Records a statement."""


class Transaction:
    """What a job sees of the open transaction.

    `careful`: a first try met an id that stands already. `reach`: the last position that was asked for.
    """

    def __init__(self, session: Session, space: Space, clock: Clock, witness: Witness, careful: bool = False) -> None:
        self.session = session
        self.space = space
        self.namespace = space.number
        self.clock = clock
        self.careful = careful
        self._witness = witness
        self.reach = 0
        self.records: list[Record] = []
        self.size = 0
        self._head: Head | None = None

    async def enter(self) -> Head:
        """Take the log lock, once a transaction, and drain what is committed in the intake."""
        if self._head is None:
            row = await self.session.row("log/enter", namespace=self.namespace)
            assert row is not None
            await self.entered(*row)
        assert self._head is not None
        return self._head

    async def entered(self, head: int, moment: int, waiting: bool) -> None:
        """Go on from where a function of the server has entered the log."""
        self._witness.check_head(head)
        self._head = Head(head, moment)
        if waiting:
            await drain(self)

    async def append(self, drafts: Sequence[Draft], *, floor: int = 0, lease: Lease = NOBODY) -> list[Record]:
        """Store drafts that are new, in order, and fold them. Log time is at least `floor`."""
        if not drafts:
            return []
        head = await self.enter()
        time = time_of(self.clock.now(), head, floor)
        drafts = resolve(drafts, head.position)
        self.reach = head.position + len(drafts)
        for start in range(0, len(drafts), _ROWS_MAX):
            await self._insert(drafts[start : start + _ROWS_MAX], head.position + start, time)
        records = place_all(drafts, head.position, time)
        self._head = Head(records[-1].position, time)
        repeatable = [place for place, each in enumerate(drafts) if each.repeatable]
        if repeatable:
            await self.session.run(
                "log/add_keys",
                namespace=self.namespace,
                ids=[records[place].id for place in repeatable],
                positions=[records[place].position for place in repeatable],
            )
        await Folding(self.session, self.namespace).fold(gather(records, lease))
        self.records += records
        return records

    async def stand(self, runs: Sequence[Run]) -> None:
        """Store what was judged elsewhere and fold it: its places and times were decided there."""
        drafts = [each for run in runs for each in run.drafts]
        records = [each for run in runs for each in run.records]
        if not records:
            return
        after = records[0].position - 1
        self.reach = records[-1].position
        for start in range(0, len(drafts), _ROWS_MAX):
            part = drafts[start : start + _ROWS_MAX]
            self.size += sum([len(each.data) for each in part])
            await self.session.run(
                "fold/append",
                after=after + start,
                times=[each.time for each in records[start : start + _ROWS_MAX]],
                namespace=self.namespace,
                mine=self.space.mine,
                **columns_of(part),
            )
        repeatable = [place for place, each in enumerate(drafts) if each.repeatable]
        if repeatable:
            await self.session.run(
                "log/add_keys",
                namespace=self.namespace,
                ids=[records[place].id for place in repeatable],
                positions=[records[place].position for place in repeatable],
            )
        folding = Folding(self.session, self.namespace)
        for run in runs:
            await folding.fold(gather(run.records, Lease(run.worker, run.until)))
        self.records += records
        self._head = Head(records[-1].position, records[-1].time)

    async def append_each(self, drafts: Sequence[Draft], lease: Lease = NOBODY) -> list[Appended]:
        """Append drafts, each once; a draft whose id stands already adds nothing."""
        careful = [self.careful or each.repeatable for each in drafts]
        if not any(careful):
            return [Appended(record.position) for record in await self.append(drafts, lease=lease)]
        await self.enter()
        looked_up = [each.id for each, look in zip(drafts, careful, strict=True) if look]
        standing = await positions_of(self.session, self.namespace, looked_up)
        fresh = fresh_of(drafts, careful, standing)
        if not fresh:
            await self.confirm()
        placed = {record.id: record for record in await self.append(fresh, lease=lease)}
        stored = await read_at(self.session, self.namespace, standing.values()) if standing else {}
        return outcomes_of(drafts, careful, standing, placed, stored)

    async def confirm(self) -> None:
        """Let the commit acknowledge what was only read: a server that has just recovered shows what no standby has."""
        await self.session.row("store/confirm")

    async def _insert(self, drafts: Sequence[Draft], after: int, time: int) -> None:
        self.size += sum([len(each.data) for each in drafts])
        await self.session.run(
            "log/append",
            namespace=self.namespace,
            after=after,
            time=time,
            mine=self.space.mine,
            **columns_of(drafts),
        )


def columns_of(drafts: Sequence[Draft]) -> dict[str, object]:
    """Return drafts as the arrays that a statement takes."""
    return {
        "format": FORMAT,
        "ids": [each.id for each in drafts],
        "kinds": [type(each.fact).__name__ for each in drafts],
        "causes": column([each.cause for each in drafts]),
        "roots": column([root_column(each) for each in drafts]),
        "datas": [each.data for each in drafts],
    }
