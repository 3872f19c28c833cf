"""The log as the engine sees it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ensue_adapters.postgres.appender import Appender
from ensue_adapters.postgres.pages import positions_of, read_at, records_of
from ensue_adapters.postgres.reader import Reader
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.watch import Watch
from ensue_core.ids import Id
from ensue_core.ports import FOREVER, Appended, Head, Log
from ensue_core.records import Draft, Record


class PostgresLog:
    """One namespace's log in a Postgres schema."""

    def __init__(self, writer: Writer, appender: Appender, reader: Reader, watch: Watch) -> None:
        self._writer = writer
        self._appender = appender
        self._namespace = writer.space.number
        self._reader = reader
        self._watch = watch

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts in order, each once, in one transaction; durable on return."""
        return await self._appender.append(drafts) if drafts else []

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position; what was just written comes from memory.

        A short page says nothing: the end is where a page is empty.
        """
        records, known = await self._reader.page(after, limit)
        if records and not known:
            self._watch.advance(records[-1].position)
        return records

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions."""
        return await self._reader.at(positions)

    async def find(self, id: Id) -> Record | None:
        """Return the record with that id."""

        async def look(session: Session) -> Record | None:
            for record in records_of(await session.rows("log/find", namespace=self._namespace, id=id)):
                return record
            for position in (await positions_of(session, self._namespace, [id])).values():
                return (await read_at(session, self._namespace, [position])).get(position)
            return None

        return await self._writer.read(look)

    async def head(self) -> Head:
        """Return the last position and its time; what is committed in the intake has entered before."""
        head, waiting = await self._writer.read(self._look)
        if waiting:
            await self._appender.drain()
            head, _ = await self._writer.read(self._look)
        self._watch.advance(head.position)
        return head

    async def _look(self, session: Session) -> tuple[Head, bool]:
        row = await session.row("log/look", namespace=self._namespace)
        assert row is not None
        return Head(row[0], row[1]), row[2]

    def known(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position that this process has written or read of late."""
        return self._reader.known(after, limit)

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Return a position past `after` as soon as the log has reached it, 0 after `timeout` seconds."""
        self._writer.witness.refuse()
        return await self._watch.wait(after, timeout)

    async def horizon(self, after: int, until: int) -> int:
        """Time is no concern here: a commit is void where it lets more pass than it may."""
        return FOREVER


_: type[Log] = PostgresLog
