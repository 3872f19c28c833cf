"""Named leases, by the store's clock."""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader
from ensue_adapters.sqlite.statements import sql
from ensue_adapters.sqlite.transaction import Transaction
from ensue_adapters.sqlite.writer import Writer
from ensue_core.defaults import SECOND
from ensue_core.ports import Leases


class SQLiteLeases:
    """The namespace's leases in a SQLite file."""

    def __init__(self, writer: Writer, reader: Reader, places: Places) -> None:
        self._writer = writer
        self._reader = reader
        self._places = places

    async def hold(self, name: str, holder: str, note: str, seconds: float) -> bool:
        """Take or renew a lease; False where another holder's has not run out."""

        def write(tx: Transaction) -> bool:
            now = tx.clock.now()
            values = (tx.namespace, name, holder, note, now + round(seconds * SECOND), now)
            return tx.connection.execute(sql("leases/hold"), values).rowcount > 0

        return await self._writer.run(write)

    async def release(self, name: str, holder: str) -> None:
        """Give a lease up, if it is held."""

        def write(tx: Transaction) -> None:
            tx.connection.execute(sql("leases/release"), (tx.namespace, name, holder))

        await self._writer.run(write)

    async def holders(self, prefix: str) -> Sequence[tuple[str, str, str]]:
        """Return (name, holder, note) of the live leases whose name begins so."""
        values = (self._places.namespace, prefix, self._writer.clock.now())
        return await self._reader.run(lambda connection: connection.execute(sql("leases/holders"), values).fetchall())


_: type[Leases] = SQLiteLeases
