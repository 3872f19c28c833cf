"""Named leases, by the store's clock."""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_core.defaults import SECOND
from ensue_core.ports import Leases


class PostgresLeases:
    """The namespace's leases in a Postgres schema."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._namespace = writer.space.number

    async def hold(self, name: str, holder: str, note: str, seconds: float) -> bool:
        """Take or renew a lease; False where another holder's has not run out."""

        async def job(tx: Transaction) -> bool:
            now = tx.clock.now()
            until = now + round(seconds * SECOND)
            changed = await tx.session.run(
                "leases/hold", namespace=tx.namespace, name=name, holder=holder, note=note, until=until, now=now
            )
            return changed > 0

        return await self._writer.run(job)

    async def release(self, name: str, holder: str) -> None:
        """Give a lease up, if it is held."""

        async def job(tx: Transaction) -> None:
            await tx.session.run("leases/release", namespace=tx.namespace, name=name, holder=holder)

        await self._writer.run(job)

    async def holders(self, prefix: str) -> Sequence[tuple[str, str, str]]:
        """Return (name, holder, note) of the live leases whose name begins so."""
        now = self._writer.clock.now()

        async def look(session: Session) -> list[tuple[str, str, str]]:
            rows = await session.rows("leases/holders", namespace=self._namespace, prefix=prefix, now=now)
            return [(name, holder, note) for name, holder, note in rows]

        return await self._writer.read(look)


_: type[Leases] = PostgresLeases
