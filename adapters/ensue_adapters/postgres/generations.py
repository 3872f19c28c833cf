"""Generations of the query views in a Postgres schema: rows under numbers of their own, and one pointer."""

from __future__ import annotations

from msgspec.structs import replace

from ensue_adapters.postgres.live import Standing, standing
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.views import PostgresViews
from ensue_adapters.postgres.writer import Writer
from ensue_core.defaults import SECOND
from ensue_core.generations import STILL, Generation, Generations, GenerationState
from ensue_core.ids import new_id
from ensue_core.ports import Cursor, Views
from ensue_core.rows import ROW_TYPES
from ensue_projections.queries import PROJECTION

_STATES: tuple[GenerationState, ...] = ("live", "kept", "beside")


class PostgresGenerations:
    """The generations of one namespace."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._namespace = writer.space.number

    async def all(self) -> list[Generation]:
        """Return what there is."""

        async def look(session: Session) -> list[Generation]:
            found = await standing(session, self._namespace)
            numbers: list[tuple[int, GenerationState]] = [(getattr(found, state), state) for state in _STATES]
            return [Generation(number, state, await _cursor(session, number)) for number, state in numbers if number]

        return await self._writer.snapshot(look)

    async def begin(self) -> Generation:
        """Return the generation beside the live one."""

        async def write(tx: Transaction) -> Generation:
            found = await self._locked(tx)
            if not found.beside:
                # A number is never used again: rows of an old generation may still be there.
                name = f"\x1fgeneration {new_id()}"
                await tx.session.run("store/add_namespace", name=name)
                row = await tx.session.row("store/namespace", name=name)
                assert row is not None
                found = replace(found, beside=row[0])
                await self._set(tx, found)
            return Generation(found.beside, "beside", await _cursor(tx.session, found.beside))

        return await self._writer.run(write)

    def views(self, generation: Generation) -> Views:
        """Return the views over one generation's rows."""

        async def find(session: Session) -> int:
            return generation.number

        return PostgresViews(self._writer, find)

    async def hold(self, seconds: float) -> None:
        """Let the live views stand still."""

        async def write(tx: Transaction) -> None:
            now = tx.clock.now()
            await tx.session.run(
                "leases/hold", namespace=self._namespace, name=STILL, holder=STILL, note="",
                until=now + round(seconds * SECOND), now=now,
            )  # fmt: skip

        await self._writer.run(write)

    async def switch(self, to: Generation) -> bool:
        """Make a generation live."""

        async def write(tx: Transaction) -> bool:
            found = await self._locked(tx)
            if found.live == to.number:
                return True
            # Whoever moves the live cursor holds its row: nobody may meanwhile.
            await tx.session.row("views/lock_cursor", namespace=found.live, projection=PROJECTION)
            new, old = await _cursor(tx.session, to.number), await _cursor(tx.session, found.live)
            if new is None or (old is not None and old.version == new.version and old.position > new.position):
                return False
            await self._set(tx, Standing(to.number, found.live, 0 if found.beside == to.number else found.beside))
            await tx.session.run("leases/release", namespace=self._namespace, name=STILL, holder=STILL)
            return True

        return await self._writer.run(write)

    async def drop(self, generation: Generation, rows_max: int = 5_000) -> bool:
        """Remove some rows of a generation that is not live."""

        async def write(tx: Transaction) -> bool:
            found, number = await self._locked(tx), generation.number
            if found.live == number:
                return False
            await tx.session.run("views/clear_cursors", namespace=number)
            for table in ROW_TYPES:
                if await tx.session.run(f"views/prune_{table}", namespace=number, limit=rows_max) >= rows_max:
                    return False
            kept, beside = (0 if each == number else each for each in (found.kept, found.beside))
            await self._set(tx, Standing(found.live, kept, beside))
            return True

        return await self._writer.run(write)

    async def _locked(self, tx: Transaction) -> Standing:
        await tx.session.run("views/start_standing", namespace=self._namespace)
        row = await tx.session.row("views/lock_standing", namespace=self._namespace)
        assert row is not None
        return Standing(*row)

    async def _set(self, tx: Transaction, found: Standing) -> None:
        await tx.session.run(
            "views/set_standing", namespace=self._namespace, live=found.live, kept=found.kept, beside=found.beside
        )


_: type[Generations] = PostgresGenerations


async def _cursor(session: Session, number: int) -> Cursor | None:
    row = await session.row("views/cursor", namespace=number, projection=PROJECTION)
    return None if row is None else Cursor(PROJECTION, row[0], row[1])
