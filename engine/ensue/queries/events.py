"""Events: which came, which were heard, and what came of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import cast

import msgspec

from ensue.queries.fresh import fold_up, freshen
from ensue.queries.pages import Coded, Named, Page, all_of, code_of, id_of, name_of, page_of, time_of
from ensue.queries.shown import EventDetail, EventView, event_view, run_view
from ensue_core.errors import NotFound
from ensue_core.facts import EventEmitted
from ensue_core.ids import parse_id
from ensue_core.ports import EventQuery, RunQuery, Store
from ensue_core.rows import EventRow
from ensue_core.values import decode

RUNS_SHOWN_MAX = 1_000
"""How many of its runs an event shows."""


class Events:
    """The namespace's events, newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self,
        *,
        code: Coded | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        matched: bool | None = None,
        triggered: bool | None = None,
        emitter: str | None = None,
        task: Named | str | None = None,
        root: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[EventView]:
        """Return a page of events that fit.

        `code` may be a family (`"order.*"`); `until` is exclusive; `emitter` is the invocation, `task` the
        task whose body emitted them. Raises `BadQuery` and `BadId`.
        """
        query = EventQuery(
            code=code_of(code),
            since=time_of(since),
            until=time_of(until),
            matched=matched,
            triggered=triggered,
            emitter=id_of(emitter),
            emitter_task=name_of(task),
            root=root,
        )
        await freshen(self._store)

        async def fetch(before: int | None, limit: int) -> list[EventRow]:
            return list(await self._store.views.events(msgspec.structs.replace(query, before=before, limit=limit)))

        return await page_of(fetch, event_view, lambda row: row.position, cursor, limit)

    def all(
        self,
        *,
        code: Coded | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        matched: bool | None = None,
        triggered: bool | None = None,
        emitter: str | None = None,
        task: Named | str | None = None,
        root: str | None = None,
    ) -> AsyncIterator[EventView]:
        """Yield every event that fits, page by page."""
        return all_of(
            lambda cursor: self.list(
                code=code, since=since, until=until, matched=matched, triggered=triggered, emitter=emitter,
                task=task, root=root, cursor=cursor, limit=500,
            )
        )  # fmt: skip

    async def get(self, id: str) -> EventDetail:
        """Return one event with its payload and runs. Raises `NotFound` and `BadId`."""
        key = parse_id(id)
        await freshen(self._store)
        row = await self._row(key)
        if row is None:
            await fold_up(self._store)
            row = await self._row(key)
        if row is None:
            raise NotFound("event", key)
        fact = (await self._store.log.read_at([row.position]))[row.position].fact
        assert isinstance(fact, EventEmitted)
        runs = await self._store.views.runs(RunQuery(source=key, limit=RUNS_SHOWN_MAX))
        return EventDetail(
            **msgspec.structs.asdict(event_view(row)),
            payload=decode(fact.payload),
            traceparent=fact.traceparent,
            origin=fact.origin,
            runs=tuple(map(run_view, runs)),
        )

    async def _row(self, key: str) -> EventRow | None:
        rows = await self._store.views.load("events", [(key,)])
        return cast(EventRow | None, rows.get((key,)))
