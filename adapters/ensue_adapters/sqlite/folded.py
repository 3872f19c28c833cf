"""A SQLite file as the views of a log that lies at a broker: one transaction judges, writes and moves the offsets."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

import msgspec

from ensue_adapters.broker import keeping
from ensue_adapters.broker.views import Folded, FoldedViews, Folding, Stored, judged, requests_of
from ensue_adapters.sqlite.decisions import step_of
from ensue_adapters.sqlite.offsets import read_rows
from ensue_adapters.sqlite.pages import read_at
from ensue_adapters.sqlite.repeats import positions_of
from ensue_adapters.sqlite.rows import write_rows
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.store import SQLiteStore
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.work import ready
from ensue_core.defaults import SECOND
from ensue_core.ids import Id
from ensue_core.ports import Store
from ensue_core.rows import WorkRow
from ensue_projections.registers import Known, wants_of
from ensue_projections.requests import Verdict

_rows = msgspec.json.Decoder(list[WorkRow])


class SQLiteFolded:
    """One namespace's views in a SQLite file."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    @property
    def store(self) -> Store:
        """The store that answers all that is only read."""
        return self._store

    async def open(self) -> None:
        """Open the file."""
        await self._store.open()

    async def close(self) -> None:
        """Close it."""
        await self._store.close()

    async def stored(self) -> Stored:
        """Return how far the views are folded."""
        _, reader, places = self._store.parts()
        return await reader.run(lambda connection: _stored(connection, places.namespace))

    async def fold(self, folding: Folding) -> Folded | None:
        """Judge and write, in one transaction; None where the version has moved."""
        writer, _, _ = self._store.parts()
        return await writer.run(lambda tx: _fold(tx, folding))

    async def verdicts(self, envelopes: Collection[Id]) -> Mapping[Id, tuple[Verdict, ...]]:
        """Return what became of some envelopes."""
        _, reader, places = self._store.parts()
        values = (places.namespace, _json(list(envelopes)))
        rows = await reader.run(lambda connection: connection.execute(sql("fold/verdicts"), values).fetchall())
        return {Id(envelope): keeping.verdicts_of(text) for envelope, text in rows}

    async def horizon_at(self, position: int) -> int:
        """Return the horizon that held at a position; 0 where it is not known any more."""
        _, reader, places = self._store.parts()
        values = (places.namespace, position)
        row = await reader.run(lambda connection: connection.execute(sql("fold/horizon_at"), values).fetchone())
        return 0 if row is None else int(row[0])

    async def let(self, worker: str, tasks: Collection[str], limit: int, seconds: float) -> Sequence[WorkRow]:
        """Lease due, unstarted, unleased attempts."""
        wanted = frozenset(tasks)
        writer, _, _ = self._store.parts()

        def write(tx: Transaction) -> list[WorkRow]:
            now = tx.clock.now()
            time = max(now, tx.head().time)
            rows: list[WorkRow] = []
            for task in ready(tx.connection, tx.places, wanted, time):
                values = (tx.namespace, task, time, limit, now)
                (page,) = tx.connection.execute(sql("work/free"), values).fetchone()
                rows += _rows.decode(page)
            rows = sorted(rows, key=lambda row: (row.due, row.created))[:limit]
            let = (tx.namespace, _json([row.invocation for row in rows]), worker, now + round(seconds * SECOND))
            if rows:
                tx.connection.execute(sql("work/let"), let)
            return rows

        return await writer.run(write)

    async def unlet(self, worker: str, invocations: Collection[Id]) -> None:
        """Give leases of unstarted attempts back."""
        writer, _, places = self._store.parts()
        values = (places.namespace, _json(list(invocations)), worker)
        await writer.run(lambda tx: tx.connection.execute(sql("work/unlet"), values).rowcount)

    async def leased(self, invocations: Collection[Id]) -> Collection[Id]:
        """Return those of some started attempts whose lease has not run out."""
        _, reader, places = self._store.parts()
        values = (places.namespace, _json(list(invocations)), self._store.clock.now())
        rows = await reader.run(lambda connection: connection.execute(sql("work/leased"), values).fetchall())
        return {Id(row[0]) for row in rows}


_: type[FoldedViews] = SQLiteFolded


def _stored(connection: sqlite3.Connection, namespace: int) -> Stored:
    row = connection.execute(sql("fold/stored"), (namespace,)).fetchone()
    if row is None:
        return Stored()
    version, lines, offsets, horizon, position = row
    return Stored(version, keeping.order_of(offsets, horizon), lines, position)


def _fold(tx: Transaction, folding: Folding) -> Folded | None:
    before = _stored(tx.connection, tx.namespace)
    if before.version != folding.version:
        return None
    mark = tx.mark()
    tx.connection.execute("SAVEPOINT fold")
    try:
        folded = _judge(tx, folding, before, careful=False)
    except sqlite3.IntegrityError:
        # Something came a second time that nothing was expected to repeat: look every id up.
        tx.connection.execute("ROLLBACK TO fold")
        tx.back(mark)
        folded = _judge(tx, folding, before, careful=True)
    tx.connection.execute("RELEASE fold")
    return folded


def _judge(tx: Transaction, folding: Folding, before: Stored, *, careful: bool) -> Folded:
    verdicts, registers = judged(folding, _known(tx, folding, careful))
    tx.stand(registers.runs)
    after = keeping.moved(before, folding, registers.head.position)
    offsets, horizon = keeping.order_text(after.order), after.order.horizon
    run, namespace = tx.connection.execute, tx.namespace
    run(sql("fold/move"), (namespace, after.version, after.lines, offsets, horizon, after.position))
    if keeping.passed(before, after):
        run(sql("fold/pass_horizon"), (namespace, before.position, before.order.horizon, keeping.HORIZON_STEP))
    kept = [(namespace, envelope, *row) for envelope, row in keeping.to_keep(folding, verdicts).items()]
    if kept:
        write_rows(tx.connection, "fold/keep", kept)
        tx.tells = True
    if after.version % keeping.FORGET_EVERY == 0:
        run(sql("fold/forget"), (namespace, keeping.forgotten_before(folding)))
        run(sql("fold/forget_horizons"), (namespace, keeping.HORIZONS_MAX))
    return Folded(verdicts, registers.runs, after)


def _known(tx: Transaction, folding: Folding, careful: bool) -> Known:
    wants = wants_of(requests_of(folding), careful)
    connection, places, namespace = tx.connection, tx.places, tx.namespace
    positions = positions_of(connection, places, list(wants.ids))
    records = read_at(connection, places, positions.values()) if positions else {}
    work: list[WorkRow] = []
    if wants.invocations:
        (rows,) = connection.execute(sql("work/rows"), (namespace, _json(list(wants.invocations)))).fetchone()
        work = _rows.decode(rows)
    past: dict[int, int] = {}
    for position in wants.positions:
        row = connection.execute(sql("log/time_at"), (places.of(position + 1),)).fetchone()
        if row is not None:
            past[position] = row[0]
    topics = {topic for topic, _ in wants.sources}
    taken = [row for topic in topics for row in read_rows(connection, namespace, topic)]
    throughs = {(row.topic, row.partition): row.through for row in taken}
    return Known(
        tx.head(),
        {id: records[position] for id, position in positions.items()},
        {row.invocation: row for row in work},
        {service: step_of(tx, service) for service in wants.services},
        throughs,
        past,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
