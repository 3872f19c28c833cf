"""Unfinished invocations: claimed, renewed, ended and cancelled, each in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec

from ensue_adapters.postgres import trips
from ensue_adapters.postgres.reader import Reader
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.texts import column
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.gathering import Lease
from ensue_core.defaults import SECOND
from ensue_core.facts import AttemptStarted, InvocationCancelled
from ensue_core.ids import Id, derive_from
from ensue_core.ports import Claimed, End, Work
from ensue_core.records import Draft, draft
from ensue_core.rows import WorkRow

_SPARE = 32
"""Candidates looked at beyond what is wanted, so that claimers who meet find other rows."""


_FRONT = 16
"""How many rows are looked at to see when the first is due; if these are all, a claim needs no look of its own."""

_FRONT_SECONDS = 0.02
"""For how long they are good for a claim: it takes only what is still open then."""


class _Front(NamedTuple):
    """The open work of some tasks, all of it, as it was after so many commits of this process."""

    tasks: Sequence[str | None]
    open: list[WorkRow]
    commits: int
    until: float

    def holds(self, tasks: Sequence[str | None], commits: int, now: float) -> bool:
        """Whether it can be gone by still."""
        return self.tasks == tasks and self.commits == commits and now < self.until


class PostgresWork:
    """The namespace's work in a Postgres schema."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._namespace = writer.space.number
        self._reader = reader
        self._front: _Front | None = None

    async def claim(self, worker: str, tasks: Collection[str], limit: int, lease_seconds: float) -> Sequence[Claimed]:
        """Start up to `limit` due, unstarted attempts of those tasks, oldest due first."""
        wanted = column(sorted(set(tasks)))
        if limit <= 0 or not wanted:
            return []
        rows = await self._writer.tasks.run(self._claim(worker, wanted, limit, lease_seconds))
        created = await self._reader.at([row.created for row in rows])
        return [Claimed(msgspec.structs.replace(row, started=True), created[row.created]) for row in rows]

    async def _claim(
        self, worker: str, wanted: Sequence[str | None], limit: int, lease_seconds: float
    ) -> Sequence[WorkRow]:
        """Look without a lock, then begin what is still open; where claimers meet, lock while looking."""
        seen = await self._open(wanted, limit)
        if not seen:
            return []
        until = self._writer.clock.now() + round(lease_seconds * SECOND)
        won = await trips.start(self._writer, seen, [_start(row, worker) for row in seen], Lease(worker, until))
        if won:
            return [seen[place] for place in won]

        async def job(tx: Transaction) -> list[WorkRow]:
            found = await tx.session.rows(
                "work/due",
                namespace=tx.namespace,
                tasks=wanted,
                now=tx.clock.now(),
                limit=limit,
                looked_at=2 * limit + _SPARE,
            )
            rows = [WorkRow(*row) for row in found]
            until = tx.clock.now() + round(lease_seconds * SECOND)
            await tx.append([_start(row, worker) for row in rows], lease=Lease(worker, until))
            return rows

        return await self._writer.run_here(job)

    async def renew(self, worker: str, held: Sequence[tuple[Id, int]], lease_seconds: float) -> list[bool]:
        """Renew leases; False for each that is no longer this worker's."""
        if not held:
            return []

        async def job(tx: Transaction) -> list[bool]:
            until = tx.clock.now() + round(lease_seconds * SECOND)
            rows = await tx.session.rows(
                "work/renew",
                namespace=tx.namespace,
                worker=worker,
                until=until,
                invocations=[invocation for invocation, _ in held],
                attempts=[attempt for _, attempt in held],
            )
            kept = {(invocation, attempt) for invocation, attempt in rows}
            return [each in kept for each in held]

        return await self._writer.run(job)

    async def finish(self, ends: Sequence[End]) -> list[bool]:
        """Append ends whose attempt is current and started, with their buffered events."""
        if not ends:
            return []

        return await self._writer.tasks.run(self._finish(ends))

    async def _finish(self, ends: Sequence[End]) -> list[bool]:
        plain = not any(each.if_expired for each in ends)
        attempts = [(each.invocation, each.attempt) for each in ends]
        if plain and await trips.finish(self._writer, attempts, _drafts_of(ends)):
            return [True] * len(ends)

        async def job(tx: Transaction) -> list[bool]:
            current = await _lock(tx, [each.invocation for each in ends])
            now = tx.clock.now()
            effective: list[bool] = []
            drafts: list[Draft] = []
            for each in ends:
                until = current.get((each.invocation, each.attempt))
                counts = until is not None and (until <= now or not each.if_expired)
                effective.append(counts)
                if counts:
                    del current[each.invocation, each.attempt]
                    drafts.append(each.end)
                    drafts += each.buffered
            if drafts:
                await tx.append_each(drafts)
            return effective

        return await self._writer.run_here(job)

    async def expired(self, limit: int) -> Sequence[WorkRow]:
        """Return started attempts whose lease has run out."""
        return await self._rows("work/expired", now=self._writer.clock.now(), limit=limit)

    async def cancel(self, cancellation: Draft) -> bool:
        """Append an `InvocationCancelled` where the invocation has not ended."""
        fact = cancellation.fact
        assert isinstance(fact, InvocationCancelled), "cancel takes the draft of an InvocationCancelled"

        async def job(tx: Transaction) -> bool:
            if not await tx.session.rows("work/lock", namespace=tx.namespace, invocations=[fact.invocation]):
                return False
            await tx.append_each([cancellation])
            return True

        return await self._writer.run(job)

    async def get(self, invocation: Id) -> WorkRow | None:
        """Return the row of an unfinished invocation."""
        rows = await self._rows("work/row", invocation=invocation)
        return rows[0] if rows else None

    async def next_due(self, tasks: Collection[str]) -> int | None:
        """Return the earliest log time at which an unstarted attempt of those tasks is due."""
        wanted = column(sorted(set(tasks)))
        clock, commits = self._writer.clock, self._writer.commits

        async def look(session: Session) -> list[tuple[bool, WorkRow]]:
            values = {"namespace": self._namespace, "tasks": wanted, "now": clock.now(), "limit": _FRONT}
            return [(row[0], WorkRow(*row[1:])) for row in await session.rows("work/front", **values)]

        found = await self._writer.read(look)
        if found and len(found) < _FRONT:
            open = [row for is_due, row in found if is_due]
            self._front = _Front(wanted, open, commits, clock.monotonic() + _FRONT_SECONDS)
        return found[0][1].due if found else None

    async def queued(self) -> int:
        """Return how many invocations are unfinished."""
        found: int = await self._value("work/queued")
        return found

    async def _open(self, tasks: Sequence[str | None], limit: int) -> list[WorkRow]:
        """Return what is due and open; what was seen just now needs no second look."""
        front, self._front = self._front, None
        if front is not None and front.holds(tasks, self._writer.commits, self._writer.clock.monotonic()):
            return front.open[:limit]

        async def look(session: Session) -> list[WorkRow]:
            now = self._writer.clock.now()
            rows = await session.rows("work/open", namespace=self._namespace, tasks=tasks, now=now, limit=limit)
            return [WorkRow(*row) for row in rows]

        return await self._writer.read_here(look)

    async def _rows(self, name: str, /, **values: Any) -> list[WorkRow]:
        async def look(session: Session) -> list[WorkRow]:
            return [WorkRow(*row) for row in await session.rows(name, namespace=self._namespace, **values)]

        return await self._writer.read(look)

    async def _value(self, name: str, /, **values: Any) -> Any:
        async def look(session: Session) -> Any:
            row = await session.row(name, namespace=self._namespace, **values)
            assert row is not None
            return row[0]

        return await self._writer.read(look)


_: type[Work] = PostgresWork


async def _lock(tx: Transaction, invocations: Sequence[Id]) -> dict[tuple[Id, int], int]:
    """Lock rows and return the attempts that are current and started, and until when they are leased."""
    rows = await tx.session.rows("work/lock", namespace=tx.namespace, invocations=invocations)
    return {(invocation, attempt): until for invocation, attempt, started, until in rows if started}


def _drafts_of(ends: Sequence[End]) -> list[Draft]:
    drafts: list[Draft] = []
    for each in ends:
        drafts.append(each.end)
        drafts += each.buffered
    return drafts


def _start(row: WorkRow, worker: str) -> Draft:
    fact = AttemptStarted(row.invocation, row.attempt, row.task, row.created, worker, row.depth)
    return draft(derive_from(row.invocation, "start", row.attempt), fact, cause=row.invocation, root=row.root)
