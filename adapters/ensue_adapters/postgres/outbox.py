"""Emitting and submitting in a transaction of the user's: the drafts go to the intake on the user's own connection."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ensue_adapters.postgres import callers
from ensue_adapters.postgres.pages import positions_of, read_at
from ensue_adapters.postgres.place import Place
from ensue_adapters.postgres.refusing import refusing
from ensue_adapters.postgres.texts import to_stored
from ensue_adapters.postgres.transaction import Transaction
from ensue_adapters.postgres.writer import Writer
from ensue_core.errors import BadConnection
from ensue_core.ids import Id
from ensue_core.ports import Appended, Outbox
from ensue_core.records import Draft
from ensue_projections.same import same

_ASKS_MAX = 3
"""How often a connection is asked: our own may lead elsewhere since the last time, where the server began anew."""


class PostgresOutbox:
    """What `connection=` comes to, for one namespace of one schema."""

    def __init__(self, writer: Writer, place: Place, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._place = place
        self._loop = loop
        self._leads_to = ""

    async def standing(self, drafts: Sequence[Draft]) -> Mapping[Id, Appended]:
        """Return what became of the repeatable drafts whose id any committed transaction has brought, by id."""
        careful = {each.id: each for each in drafts if each.repeatable}
        if not careful:
            return {}

        async def job(tx: Transaction) -> dict[Id, Appended]:
            await tx.enter()  # what is committed in the intake has its place from here on
            standing = await positions_of(tx.session, tx.namespace, list(careful))
            stored = await read_at(tx.session, tx.namespace, standing.values()) if standing else {}
            return {
                id: Appended(at, duplicate=True, conflict=at in stored and not same(stored[at].fact, careful[id].fact))
                for id, at in standing.items()
            }

        return await self._writer.run(job)

    async def put(self, connection: object, drafts: Sequence[Draft]) -> int:
        """Add drafts to the open transaction of a connection that is awaited; return a position they stand past."""
        caller = callers.recognise(connection, awaited=True)
        statement = self._writer.connections.statements("intake/hand_over")
        handed = _encoded(drafts)
        for _ in range(_ASKS_MAX):
            with refusing(self._place):
                head = await callers.run(caller, statement, self._values(handed))
            if head is not None:
                return int(head)
            if not await self._moved():
                break
        raise self._elsewhere()

    def put_blocking(self, connection: object, drafts: Sequence[Draft]) -> int:
        """The same on a connection that blocks, in any thread but the loop's."""
        caller = callers.recognise(connection, awaited=False)
        statement = self._writer.connections.statements("intake/hand_over")
        handed = _encoded(drafts)
        for _ in range(_ASKS_MAX):
            with refusing(self._place):
                head = callers.run_blocking(caller, statement, self._values(handed))
            if head is not None:
                return int(head)
            if not asyncio.run_coroutine_threadsafe(self._moved(), self._loop).result():
                break
        raise self._elsewhere()

    def _values(self, handed: str) -> dict[str, str]:
        return {"place": self._leads_to, "app_id": self._writer.space.name, "drafts": handed}

    async def _moved(self) -> bool:
        """Ask where our own connections lead; whether that is another answer than the last."""
        row = await self._writer.read(lambda session: session.row("intake/place"))
        assert row is not None
        before, self._leads_to = self._leads_to, row[0]
        return bool(before != self._leads_to)

    def _elsewhere(self) -> BadConnection:
        return BadConnection(
            f"the connection leads to another database than the engine's ({self._place.name}, schema "
            f"{self._place.schema!r}): connect to that one, or leave connection= out"
        )


def _encoded(drafts: Sequence[Draft]) -> str:
    """Return drafts as the function of the server takes them."""
    rows: list[dict[str, Any]] = [
        {
            "id": each.id,
            "data": base64.b64encode(each.data).decode("ascii"),
            "cause": None if each.cause is None else to_stored(each.cause),
            "root": None if each.root is None else to_stored(each.root),
            "repeatable": each.repeatable,
        }
        for each in drafts
    ]
    return msgspec.json.encode(rows).decode()


_: type[Outbox] = PostgresOutbox
