"""Generations of the query views in a SQLite file: rows under numbers of their own, and one pointer."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec.structs import replace

from ensue_adapters.sqlite.live import Standing, standing
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader, snapshot
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.views import SQLiteViews
from ensue_adapters.sqlite.writer import Writer
from ensue_core.defaults import SECOND
from ensue_core.generations import STILL, Generation, Generations, GenerationState
from ensue_core.ids import new_id
from ensue_core.ports import Cursor, Views
from ensue_core.rows import ROW_TYPES
from ensue_projections.queries import PROJECTION

_STATES: tuple[GenerationState, ...] = ("live", "kept", "beside")


class SQLiteGenerations:
    """The generations of one namespace."""

    def __init__(self, writer: Writer, reader: Reader, questions: Reader, places: Places) -> None:
        self._writer, self._reader, self._questions, self._places = writer, reader, questions, places

    async def all(self) -> list[Generation]:
        """Return what there is."""
        return await self._reader.run(snapshot(self._all))

    def _all(self, connection: sqlite3.Connection) -> list[Generation]:
        found = standing(connection, self._places)
        return [
            Generation(number, state, _cursor(connection, number))
            for state in _STATES
            if (number := getattr(found, state))
        ]

    async def begin(self) -> Generation:
        """Return the generation beside the live one."""

        def write(tx: Transaction) -> Generation:
            found = standing(tx.connection, self._places)
            if not found.beside:
                # A number is never used again: rows of an old generation may still be there.
                name = f"\x1fgeneration {new_id()}"
                number = tx.connection.execute(sql("store/add_namespace"), (name,)).lastrowid or 0
                found = replace(found, beside=number)
                self._set(tx, found)
            return Generation(found.beside, "beside", _cursor(tx.connection, found.beside))

        return await self._writer.run(write)

    def views(self, generation: Generation) -> Views:
        """Return the views over one generation's rows."""
        places = Places(generation.number, self._places.log)
        return SQLiteViews(self._writer, self._reader, self._questions, places, lambda connection: places)

    async def hold(self, seconds: float) -> None:
        """Let the live views stand still."""

        def write(tx: Transaction) -> None:
            now = tx.clock.now()
            tx.connection.execute(
                sql("leases/hold"), (tx.namespace, STILL, STILL, "", now + round(seconds * SECOND), now)
            )

        await self._writer.run(write)

    async def switch(self, to: Generation) -> bool:
        """Make a generation live."""

        def write(tx: Transaction) -> bool:
            found = standing(tx.connection, self._places)
            if found.live == to.number:
                return True
            new, old = _cursor(tx.connection, to.number), _cursor(tx.connection, found.live)
            if new is None or (old is not None and old.version == new.version and old.position > new.position):
                return False
            beside = 0 if found.beside == to.number else found.beside
            self._set(tx, Standing(to.number, found.live, beside))
            tx.connection.execute(sql("leases/release"), (tx.namespace, STILL, STILL))
            return True

        return await self._writer.run(write)

    async def drop(self, generation: Generation, rows_max: int = 5_000) -> bool:
        """Remove some rows of a generation that is not live."""

        def write(tx: Transaction) -> bool:
            found, number = standing(tx.connection, self._places), generation.number
            if found.live == number:
                return False
            tx.connection.execute(sql("views/clear_cursors"), (number,))
            for table in ROW_TYPES:
                if tx.connection.execute(sql(f"views/prune_{table}"), (number, rows_max)).rowcount >= rows_max:
                    return False
            kept, beside = (0 if each == number else each for each in (found.kept, found.beside))
            self._set(tx, Standing(found.live, kept, beside))
            return True

        return await self._writer.run(write)

    def _set(self, tx: Transaction, found: Standing) -> None:
        values = (self._places.log.namespace, msgspec.json.encode(found).decode())
        tx.connection.execute(sql("views/set_standing"), values)


_: type[Generations] = SQLiteGenerations


def _cursor(connection: sqlite3.Connection, number: int) -> Cursor | None:
    row = connection.execute(sql("views/cursor"), (number, PROJECTION)).fetchone()
    return None if row is None else Cursor(PROJECTION, row[0], row[1])
