"""A Postgres schema as the views of a log that lies at a broker: one transaction judges, writes, moves the offsets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ensue_adapters.broker import keeping
from ensue_adapters.broker.views import Folded, FoldedViews, Folding, Stored, judged, requests_of
from ensue_adapters.postgres.pages import positions_of, read_at
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.store import PostgresStore
from ensue_adapters.postgres.texts import column
from ensue_adapters.postgres.transaction import Transaction
from ensue_core.defaults import SECOND
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Store
from ensue_core.rows import WorkRow
from ensue_projections.registers import Known, Wants, wants_of
from ensue_projections.requests import Verdict

_SPARE = 32
"""Candidates looked at beyond what is wanted, so that those who meet find other rows."""


class PostgresFolded:
    """One namespace's views in a Postgres schema."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    @property
    def store(self) -> Store:
        """The store that answers all that is only read."""
        return self._store

    async def open(self) -> None:
        """Open the schema."""
        await self._store.open()

    async def close(self) -> None:
        """Close it."""
        await self._store.close()

    async def stored(self) -> Stored:
        """Return how far the views are folded."""
        writer = self._store.writer()
        return await writer.read(lambda session: _stored(session, writer.space.number))

    async def fold(self, folding: Folding) -> Folded | None:
        """Judge and write, in one transaction; None where the version has moved."""

        async def job(tx: Transaction) -> Folded | None:
            return await _fold(tx, folding)

        return await self._store.writer().run(job)

    async def verdicts(self, envelopes: Collection[Id]) -> Mapping[Id, tuple[Verdict, ...]]:
        """Return what became of some envelopes."""
        writer = self._store.writer()
        rows = await writer.read(
            lambda session: session.rows("fold/verdicts", namespace=writer.space.number, envelopes=list(envelopes))
        )
        return {envelope: keeping.verdicts_of(text) for envelope, text in rows}

    async def horizon_at(self, position: int) -> int:
        """Return the horizon that held at a position; 0 where it is not known any more."""
        writer = self._store.writer()
        row = await writer.read(
            lambda session: session.row("fold/horizon_at", namespace=writer.space.number, position=position)
        )
        return 0 if row is None else int(row[0])

    async def let(self, worker: str, tasks: Collection[str], limit: int, seconds: float) -> Sequence[WorkRow]:
        """Lease due, unstarted, unleased attempts."""
        wanted = column(sorted(set(tasks)))

        async def job(tx: Transaction) -> list[WorkRow]:
            now = tx.clock.now()
            found = await tx.session.rows(
                "work/let",
                namespace=tx.namespace,
                tasks=wanted,
                now=now,
                limit=limit,
                looked_at=2 * limit + _SPARE,
                worker=worker,
                until=now + round(seconds * SECOND),
            )
            return sorted((WorkRow(*row) for row in found), key=lambda row: (row.due, row.created))

        if not wanted or await self._store.work.next_due(tasks) is None:
            return []
        return await self._store.writer().run(job)

    async def unlet(self, worker: str, invocations: Collection[Id]) -> None:
        """Give leases of unstarted attempts back."""

        async def job(tx: Transaction) -> None:
            await tx.session.run("work/unlet", namespace=tx.namespace, invocations=list(invocations), worker=worker)

        await self._store.writer().run(job)

    async def leased(self, invocations: Collection[Id]) -> Collection[Id]:
        """Return those of some started attempts whose lease has not run out."""
        writer = self._store.writer()
        now = self._store.clock.now()
        rows = await writer.read(
            lambda session: session.rows(
                "work/leased", namespace=writer.space.number, invocations=list(invocations), now=now
            )
        )
        return {Id(row[0]) for row in rows}


_: type[FoldedViews] = PostgresFolded


async def _stored(session: Session, namespace: int) -> Stored:
    row = await session.row("fold/stored", namespace=namespace)
    if row is None:
        return Stored()
    version, lines, offsets, horizon, position = row
    return Stored(version, keeping.order_of(offsets, horizon), lines, position)


async def _fold(tx: Transaction, folding: Folding) -> Folded | None:
    """Lock rows of work, then enter the log, then look, judge and write."""
    session, namespace = tx.session, tx.namespace
    wants = wants_of(requests_of(folding), tx.careful)
    if wants.invocations:
        await session.rows("work/lock", namespace=namespace, invocations=list(wants.invocations))
    await tx.enter()
    before = await _stored(session, namespace)
    if before.version != folding.version:
        return None
    verdicts, registers = judged(folding, await _known(tx, wants))
    await tx.stand(registers.runs)
    after = keeping.moved(before, folding, registers.head.position)
    await session.run(
        "fold/move",
        namespace=namespace,
        version=after.version,
        lines=after.lines,
        offsets=keeping.order_text(after.order),
        horizon=after.order.horizon,
        position=after.position,
    )
    if keeping.passed(before, after):
        await session.run(
            "fold/pass_horizon",
            namespace=namespace,
            position=before.position,
            horizon=before.order.horizon,
            step=keeping.HORIZON_STEP,
        )
    await _keep(tx, folding, verdicts)
    if after.version % keeping.FORGET_EVERY == 0:
        await session.run("fold/forget", namespace=namespace, before=keeping.forgotten_before(folding))
        await session.run("fold/forget_horizons", namespace=namespace, kept=keeping.HORIZONS_MAX)
    return Folded(verdicts, registers.runs, after)


async def _keep(tx: Transaction, folding: Folding, verdicts: list[tuple[Verdict, ...]]) -> None:
    kept = keeping.to_keep(folding, verdicts)
    if kept:
        await tx.session.run(
            "fold/keep",
            namespace=tx.namespace,
            envelopes=list(kept),
            times=[time for time, _ in kept.values()],
            verdicts=[text for _, text in kept.values()],
            mine=tx.space.mine,
        )


async def _known(tx: Transaction, wants: Wants) -> Known:
    session, namespace = tx.session, tx.namespace
    positions = await positions_of(session, namespace, list(wants.ids))
    records = await read_at(session, namespace, positions.values()) if positions else {}
    work: list[WorkRow] = []
    if wants.invocations:
        found = await session.rows("fold/work", namespace=namespace, invocations=list(wants.invocations))
        work = [WorkRow(*row) for row in found]
    steps: dict[str, Id] = {}
    if wants.services:
        rows = await session.rows("fold/steps", namespace=namespace, services=column(list(wants.services)))
        steps = {service: step or NO_ID for service, step in rows}
    throughs: dict[tuple[str, int], int] = {}
    if wants.sources:
        topics = column(sorted({topic for topic, _ in wants.sources}))
        rows = await session.rows("topics/throughs", namespace=namespace, topics=topics)
        throughs = {(topic, partition): through for topic, partition, through in rows}
    past: dict[int, int] = {}
    if wants.positions:
        rows = await session.rows("fold/past", namespace=namespace, positions=[each + 1 for each in wants.positions])
        past = {position - 1: time for position, time in rows}
    standing = {id: records[position] for id, position in positions.items()}
    return Known(await tx.enter(), standing, {row.invocation: row for row in work}, steps, throughs, past)
