"""Group commit: a batch is whatever waited while the last one committed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ensue_adapters.postgres import trips
from ensue_adapters.postgres.pages import positions_of
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_core.errors import CommitUnknown, EnsueError, StoreUnavailable
from ensue_core.ids import Id
from ensue_core.ports import Appended
from ensue_core.records import Draft

DRAFTS_MAX = 5_000
BYTES_MAX = 16 * 1024 * 1024
"""Bounds of a batch: how long the first of it waits for the last."""

_Job = tuple[Sequence[Draft], "asyncio.Future[list[Appended]]"]


class Appender:
    """Appends what its callers bring, many at a time, in the order in which they came."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting: list[_Job] = []
        self._busy: asyncio.Task[None] | None = None

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts, each once, in one transaction; durable on return."""
        future: asyncio.Future[list[Appended]] = asyncio.get_running_loop().create_future()
        self._waiting.append((drafts, future))
        if self._busy is None:
            try:
                self._busy = self._writer.tasks.begin(self._work())
            except StoreUnavailable:
                self._waiting.clear()
                raise
        return await future

    async def drain(self) -> None:
        """Move what is committed in the intake into the log."""

        async def job(tx: Transaction) -> None:
            await tx.enter()

        await self._writer.run(job)

    async def _work(self) -> None:
        try:
            while self._waiting:
                jobs = self._next()
                if jobs:
                    await self._append_all(jobs)
        finally:
            self._busy = None

    def _next(self) -> list[_Job]:
        """Take what waits, within bounds; whoever gave up before it began wants nothing stored."""
        jobs: list[_Job] = []
        taken = count = size = 0
        for job in self._waiting:
            count += len(job[0])
            size += sum([len(each.data) for each in job[0]])
            if jobs and (count > DRAFTS_MAX or size > BYTES_MAX):
                break
            taken += 1
            if not job[1].cancelled():
                jobs.append(job)
        del self._waiting[:taken]
        return jobs

    async def _append_all(self, jobs: Sequence[_Job]) -> None:
        """Append several callers' drafts at once; where that fails, one bad draft does not hurt the others."""
        try:
            await self._append_once(jobs)
        except (CommitUnknown, StoreUnavailable) as error:
            _fail(jobs, error)
        except Exception as error:
            if len(jobs) == 1:
                _fail(jobs, error)
                return
            for job in jobs:
                try:
                    await self._append_once([job])
                except Exception as alone:
                    _fail([job], alone)

    async def _append_once(self, jobs: Sequence[_Job]) -> None:
        drafts = [draft for some, _ in jobs for draft in some]
        try:
            outcomes = await self._append(drafts)
        except CommitUnknown as unknown:
            outcomes = await self._settle(drafts, unknown)
        start = 0
        for some, future in jobs:
            if not future.done():
                future.set_result(outcomes[start : start + len(some)])
            start += len(some)

    async def _append(self, drafts: list[Draft]) -> list[Appended]:
        records = await trips.append(self._writer, drafts)
        if records is not None:
            return [Appended(record.position) for record in records]
        return await self._writer.run_here(lambda tx: tx.append_each(drafts))

    async def _settle(self, drafts: list[Draft], unknown: CommitUnknown) -> list[Appended]:
        """Look up what a lost commit left: the log lock is free once its transaction has ended, either way."""
        writer = self._writer

        async def look(session: Session) -> dict[Id, int]:
            await session.row("log/enter", namespace=writer.space.number)
            return await positions_of(session, writer.space.number, [each.id for each in drafts])

        try:
            found = await writer.read_here(look, writer.connections.begin)
        except EnsueError:
            raise unknown from None
        if any(each.repeatable for each in drafts) or not all(each.id in found for each in drafts):
            raise unknown
        await writer.run_here(lambda tx: tx.confirm())
        return [Appended(found[each.id]) for each in drafts]


def _fail(jobs: Sequence[_Job], error: BaseException) -> None:
    for _, future in jobs:
        if not future.done():
            future.set_exception(error)
