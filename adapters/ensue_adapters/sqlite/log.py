"""The log as the engine sees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from ensue_adapters.sql.tail import Tail
from ensue_adapters.sql.watch import Watch
from ensue_adapters.sqlite import repeats
from ensue_adapters.sqlite.pages import read_at, read_head, read_page
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.writer import Writer
from ensue_core.ids import Id
from ensue_core.ports import FOREVER, Appended, Head, Log
from ensue_core.records import Draft, Record


class SQLiteLog:
    """One namespace's log in a SQLite file."""

    def __init__(self, writer: Writer, reader: Reader, places: Places, tail: Tail, watch: Watch) -> None:
        self._writer = writer
        self._reader = reader
        self._places = places
        self._tail = tail
        self._watch = watch

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts in order, each once, in one transaction; durable on return."""
        if not drafts:
            return []

        def write(tx: Transaction) -> list[Appended]:
            return repeats.append(tx, drafts)

        return await self._writer.run(write)

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position; what was just written comes from memory.

        A short page says nothing: the end is where a page is empty.
        """
        recent = self._tail.after(after, limit)
        if recent:
            return recent
        records = await self._reader.run(lambda connection: read_page(connection, self._places, after, limit))
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
            found.update(await self._reader.run(lambda connection: read_at(connection, self._places, missing)))
        return found

    async def find(self, id: Id) -> Record | None:
        """Return the record with that id."""

        def read(connection: sqlite3.Connection) -> Record | None:
            for position in repeats.positions_of(connection, self._places, [id]).values():
                return read_at(connection, self._places, [position]).get(position)
            return None

        return await self._reader.run(read)

    async def head(self) -> Head:
        """Return the last position and its time."""
        head = await self._reader.run(lambda connection: read_head(connection, self._places))
        self._watch.advance(head.position)
        return head

    def known(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position that this process has written last."""
        return self._tail.after(after, limit)

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Return a position past `after` as soon as the log has reached it, 0 after `timeout` seconds."""
        return await self._watch.wait(after, timeout)

    async def horizon(self, after: int, until: int) -> int:
        """Time is no concern here: a commit is void where it lets more pass than it may."""
        return FOREVER


_: type[Log] = SQLiteLog
