"""A connection that runs named statements."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg

from ensue_adapters.postgres.statements import Statements

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = Connection[Record] | PoolConnectionProxy[Record]


class Session:
    """Runs statements by name with values by name."""

    __slots__ = ("connection", "statements")

    def __init__(self, connection: AnyConnection, statements: Statements) -> None:
        self.connection = connection
        self.statements = statements

    async def rows(self, name: str, /, **values: Any) -> list[Record]:
        """Return all rows of a statement."""
        statement = self.statements(name)
        return await self.connection.fetch(statement.text, *[values[each] for each in statement.names])

    async def row(self, name: str, /, **values: Any) -> Record | None:
        """Return the first row of a statement, if any."""
        statement = self.statements(name)
        return await self.connection.fetchrow(statement.text, *[values[each] for each in statement.names])

    async def run(self, name: str, /, **values: Any) -> int:
        """Run a statement; return how many rows it changed."""
        statement = self.statements(name)
        status = await self.connection.execute(statement.text, *[values[each] for each in statement.names])
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def copy(self, table: str, columns: Sequence[str], pieces: AsyncIterable[bytes]) -> None:
        """Copy rows into a table, the namespace before the columns; `pieces` are COPY's binary form."""
        await self.connection.copy_to_table(
            table,
            source=pieces,
            columns=["namespace", *columns],
            schema_name=self.statements.schema,
            format="binary",
        )

    async def undo(self) -> None:
        """Roll the open transaction back; a connection that cannot is thrown away."""
        try:
            await self.script("store/rollback")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            self.abandon()

    def abandon(self) -> None:
        """Throw the connection away, so that nobody gets it again."""
        with suppress(asyncpg.InterfaceError):  # it was lost, and its pool knows
            self.connection.terminate()

    async def end(self) -> None:
        """End the server's session, not only our connection to it: a pooler would give it to others."""
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            await self.script("store/end_session")
        self.abandon()

    async def script(self, name: str) -> None:
        """Run statements that take no values, in one piece."""
        await self.connection.execute(self.statements(name).text)
