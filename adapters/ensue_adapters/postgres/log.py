"""The log as the engine sees it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ensue_adapters.postgres import intake
from ensue_adapters.postgres.appender import Appender
from ensue_adapters.postgres.pages import positions_of, read_at, read_head, read_page, records_of
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.tail import Tail
from ensue_adapters.sql.watch import Watch
from ensue_core.ids import Id
from ensue_core.ports import FOREVER, Appended, Head, Log
from ensue_core.records import Draft, Record


class PostgresLog:
    """One namespace's log in a Postgres schema."""

    def __init__(self, writer: Writer, appender: Appender, tail: Tail, watch: Watch) -> None:
        self._writer = writer
        self._appender = appender
        self._namespace = writer.space.number
        self._tail = tail
        self._watch = watch

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts in order, each once, in one transaction; durable on return."""
        return await self._appender.append(drafts) if drafts else []

    async def append_within(self, connection: Any, drafts: Sequence[Draft]) -> None:
        """Hand drafts over inside the transaction that an asyncpg connection of the caller has open.

        They enter the log after its commit, and never where it rolls back.
        """
        await intake.hand_over(connection, self._writer.connections.statements, self._writer.space.name, drafts)

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position; what was just written comes from memory.

        A short page says nothing: the end is where a page is empty.
        """
        recent = self._tail.after(after, limit)
        if recent:
            return recent
        records = await self._writer.read(lambda session: read_page(session, self._namespace, after, limit))
        if records:
            self._watch.advance(records[-1].position)
        return records

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions."""
        found: dict[int, Record] = {}
        missing: list[int] = []
        for position in positions:
            record = self._tail.at(position)
            if record is not None:
                found[position] = record
            else:
                missing.append(position)
        if missing:
            found.update(await self._writer.read(lambda session: read_at(session, self._namespace, missing)))
        return found

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
        """Return the last position and its time."""
        head = await self._writer.read(lambda session: read_head(session, self._namespace))
        self._watch.advance(head.position)
        return head

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Return a position past `after` as soon as the log has reached it, 0 after `timeout` seconds."""
        return await self._watch.wait(after, timeout)

    async def horizon(self, after: int, until: int) -> int:
        """Time is no concern here: a commit is void where it lets more pass than it may."""
        return FOREVER


_: type[Log] = PostgresLog
