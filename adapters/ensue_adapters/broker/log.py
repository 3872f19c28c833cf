"""The log as the engine sees it: appended to by request, read from the views."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ensue_adapters.broker.horizon import Horizon
from ensue_adapters.broker.lines import ATTEMPTS, EVENTS, Lines
from ensue_adapters.broker.outbox import Outbox
from ensue_core.facts import EventEmitted
from ensue_core.ids import Id
from ensue_core.ports import Appended, Head, Log
from ensue_core.records import Draft, Record
from ensue_projections.requests import Append, Stands


class BrokerLog:
    """One namespace's log. `views` is the log of the store that holds the views."""

    def __init__(self, outbox: Outbox, lines: Lines, views: Log, horizon: Horizon) -> None:
        self._outbox, self._lines, self._views, self._horizon = outbox, lines, views, horizon

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts in order, each once, all or none; durable and folded on return."""
        if not drafts:
            return []
        role = EVENTS if isinstance(drafts[0].fact, EventEmitted) else ATTEMPTS
        verdict = await self._outbox.ask(self._lines.of(role, drafts[0].id), Append(tuple(drafts)))
        assert isinstance(verdict, Stands)
        return list(verdict.appended)

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position."""
        return await self._views.read(after, limit)

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions."""
        return await self._views.read_at(positions)

    async def find(self, id: Id) -> Record | None:
        """Return the record with that id."""
        return await self._views.find(id)

    async def head(self) -> Head:
        """Return the last position and its time."""
        return await self._views.head()

    def known(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position that are in memory."""
        return self._views.known(after, limit)

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Return a position past `after` as soon as the log has reached it, 0 after `timeout` seconds."""
        return await self._views.wait(after, timeout)

    async def horizon(self, after: int, until: int) -> int:
        """Return the time before which nothing past `after` can have been appended; brings it to `until` if it can."""
        return await self._horizon.at(after, until)


_: type[Log] = BrokerLog
