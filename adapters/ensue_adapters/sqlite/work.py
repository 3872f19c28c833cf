"""Unfinished invocations: claimed, renewed, ended and cancelled, each in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from ensue_adapters.sql.gathering import Lease
from ensue_adapters.sql.tail import Tail
from ensue_adapters.sqlite import repeats
from ensue_adapters.sqlite.pages import read_at
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.writer import Writer
from ensue_core.clock import Clock
from ensue_core.defaults import SECOND
from ensue_core.facts import AttemptStarted, InvocationCancelled
from ensue_core.ids import Id, derive_from
from ensue_core.ports import Claimed, End, Head, Work
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import WorkRow

_rows = msgspec.json.Decoder(list[WorkRow])
_current = msgspec.json.Decoder(list[tuple[Id, int, int]])


class SQLiteWork:
    """The namespace's work in a SQLite file."""

    def __init__(self, writer: Writer, reader: Reader, places: Places, tail: Tail) -> None:
        self._writer = writer
        self._reader = reader
        self._places = places
        self._tail = tail

    async def claim(self, worker: str, tasks: Collection[str], limit: int, lease_seconds: float) -> Sequence[Claimed]:
        """Start up to `limit` due, unstarted attempts of those tasks, oldest due first."""
        if limit <= 0:
            return []
        wanted = frozenset(tasks)
        recent = self._tail.span()

        def write(tx: Transaction) -> tuple[list[WorkRow], dict[int, Record]]:
            rows = _due(tx, wanted, limit)
            until = tx.clock.now() + round(lease_seconds * SECOND)
            tx.append([_start(row, worker) for row in rows], lease=Lease(worker, until))
            # What other processes have written is read here: one trip to a thread instead of two.
            missing = [row.created for row in rows if row.created not in recent]
            return rows, read_at(tx.connection, tx.places, missing) if missing else {}

        rows, found = await self._writer.run(write)
        created = found | await self._created([row for row in rows if row.created not in found])
        return [Claimed(msgspec.structs.replace(row, started=True), created[row.created]) for row in rows]

    async def renew(self, worker: str, held: Sequence[tuple[Id, int]], lease_seconds: float) -> list[bool]:
        """Renew leases; False for each that is no longer this worker's."""
        if not held:
            return []

        def write(tx: Transaction) -> list[bool]:
            until = tx.clock.now() + round(lease_seconds * SECOND)
            values = (tx.namespace, worker, until, _json(held))
            kept = set(tx.connection.execute(sql("work/renew"), values).fetchall())
            return [each in kept for each in held]

        return await self._writer.run(write)

    async def finish(self, ends: Sequence[End]) -> list[bool]:
        """Append ends whose attempt is current and started, with their buffered events."""
        if not ends:
            return []
        invocations = _json([each.invocation for each in ends])

        def write(tx: Transaction) -> list[bool]:
            (rows,) = tx.connection.execute(sql("work/current"), (tx.namespace, invocations)).fetchone()
            now = self._writer.clock.now()
            current = {(invocation, attempt): until for invocation, attempt, until in _current.decode(rows)}
            effective: list[bool] = []
            drafts: list[Draft] = []
            for each in ends:
                fence = (each.invocation, each.attempt)
                until = current.get(fence)
                counts = until is not None and (until <= now or not each.if_expired)
                effective.append(counts)
                if counts:
                    del current[fence]
                    drafts.append(each.end)
                    drafts += each.buffered
            if drafts:
                repeats.append(tx, drafts)
            return effective

        return await self._writer.run(write)

    async def expired(self, limit: int) -> Sequence[WorkRow]:
        """Return started attempts whose lease has run out."""
        now = self._writer.clock.now()
        return await self._read("work/expired", now, limit)

    async def cancel(self, cancellation: Draft) -> bool:
        """Append an `InvocationCancelled` where the invocation has not ended."""
        fact = cancellation.fact
        assert isinstance(fact, InvocationCancelled), "cancel takes the draft of an InvocationCancelled"

        def write(tx: Transaction) -> bool:
            (rows,) = tx.connection.execute(sql("work/rows"), (tx.namespace, _json([fact.invocation]))).fetchone()
            if not _rows.decode(rows):
                return False
            repeats.append(tx, [cancellation])
            return True

        return await self._writer.run(write)

    async def get(self, invocation: Id) -> WorkRow | None:
        """Return the row of an unfinished invocation."""
        rows = await self._read("work/rows", _json([invocation]))
        return rows[0] if rows else None

    async def next_due(self, tasks: Collection[str]) -> int | None:
        """Return the earliest log time at which an unstarted attempt of those tasks is due."""
        namespace = self._places.namespace
        fronts = await self._reader.run(lambda connection: _fronts(connection, namespace))
        return min((due for task, due in fronts.items() if task in tasks), default=None)

    async def queued(self) -> int:
        """Return how many invocations are unfinished."""
        values = (self._places.namespace,)
        row = await self._reader.run(lambda connection: connection.execute(sql("work/queued"), values).fetchone())
        return 0 if row is None else int(row[0])

    async def _read(self, name: str, *values: object) -> list[WorkRow]:
        bound = (self._places.namespace, *values)
        (rows,) = await self._reader.run(lambda connection: connection.execute(sql(name), bound).fetchone())
        return _rows.decode(rows)

    async def _created(self, rows: Sequence[WorkRow]) -> dict[int, Record]:
        """Return the records that created some rows, from memory or the log."""
        recent = {row.created: self._tail.at(row.created) for row in rows}
        found = {position: record for position, record in recent.items() if record is not None}
        missing = [position for position, record in recent.items() if record is None]
        if missing:
            found |= await self._reader.run(lambda connection: read_at(connection, self._places, missing))
        return found


_: type[Work] = SQLiteWork


def _fronts(connection: sqlite3.Connection, namespace: int) -> dict[str, int]:
    """Return each task that has unstarted work, with the first due time: a few steps whatever the backlog."""
    return dict(connection.execute(sql("work/fronts"), (namespace,)).fetchall())


def ready(connection: sqlite3.Connection, places: Places, tasks: frozenset[str], now: int) -> list[str]:
    """Return the tasks, of some, that have due work."""
    return [task for task, due in _fronts(connection, places.namespace).items() if task in tasks and due <= now]


def _now(clock: Clock, head: Head) -> int:
    """Return log time: never less than the last record's."""
    return max(clock.now(), head.time)


def _due(tx: Transaction, tasks: frozenset[str], limit: int) -> list[WorkRow]:
    """Return the oldest due, unstarted rows of some tasks."""
    now = _now(tx.clock, tx.head())
    rows: list[WorkRow] = []
    for task in ready(tx.connection, tx.places, tasks, now):
        (page,) = tx.connection.execute(sql("work/due"), (tx.namespace, task, now, limit)).fetchone()
        rows += _rows.decode(page)
    rows.sort(key=lambda row: (row.due, row.created))
    return rows[:limit]


def _start(row: WorkRow, worker: str) -> Draft:
    fact = AttemptStarted(row.invocation, row.attempt, row.task, row.created, worker, row.depth)
    return draft(derive_from(row.invocation, "start", row.attempt), fact, cause=row.invocation, root=row.root)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
