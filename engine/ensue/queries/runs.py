"""Trigger runs: what fired, who took part, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from ensue.queries.fresh import fold_up, freshen
from ensue.queries.pages import Named, Page, all_of, id_of, name_of, page_of, time_of
from ensue.queries.shown import ParticipantView, RunDetail, RunView, participant_view, run_view
from ensue_core.clock import iso
from ensue_core.errors import BadQuery, NotFound
from ensue_core.facts import EventEmitted, PollAnswered, RunFailed, TriggerFired
from ensue_core.ids import Id, parse_id
from ensue_core.ports import RunQuery, Store
from ensue_core.records import Record
from ensue_core.rows import ParticipantRow, RunRow
from ensue_core.values import decode

OUTCOMES = ("fired", "failed", "too deep")
"""What can come of a run."""


class Runs:
    """The namespace's trigger runs, newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self,
        *,
        event: str | None = None,
        source: str | None = None,
        invocation: str | None = None,
        trigger: str | None = None,
        task: Named | str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        root: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunView]:
        """Return a page of runs that fit.

        `event` took part; so did `source`, which may be an invocation or a slot too. `invocation` is the one
        that the run created, `task` the task it is of. Raises `BadQuery` and `BadId`.
        """
        if event is not None and source is not None:
            raise BadQuery("event and source both say who took part: give one of them")
        if outcome is not None and outcome not in OUTCOMES:
            raise BadQuery(f"{outcome!r} is no outcome of a run: use {', '.join(OUTCOMES)}")
        query = RunQuery(
            source=id_of(event if source is None else source),
            invocation=id_of(invocation),
            trigger=trigger,
            task=name_of(task),
            outcome=outcome,
            root=root,
            since=time_of(since),
            until=time_of(until),
        )
        await freshen(self._store)

        async def fetch(before: int | None, limit: int) -> Sequence[RunRow]:
            return await self._store.views.runs(msgspec.structs.replace(query, before=before, limit=limit))

        return await page_of(fetch, run_view, lambda row: row.position, cursor, limit)

    def all(
        self,
        *,
        event: str | None = None,
        source: str | None = None,
        invocation: str | None = None,
        trigger: str | None = None,
        task: Named | str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        root: str | None = None,
    ) -> AsyncIterator[RunView]:
        """Yield every run that fits, page by page."""
        return all_of(
            lambda cursor: self.list(
                event=event, source=source, invocation=invocation, trigger=trigger, task=task, outcome=outcome,
                since=since, until=until, root=root, cursor=cursor, limit=500,
            )
        )  # fmt: skip

    async def get(self, id: str) -> RunDetail:
        """Return one run with participants and arguments. Raises `NotFound` and `BadId`."""
        key = parse_id(id)
        await freshen(self._store)
        row = await self._row(key)
        if row is None:
            await fold_up(self._store)
            row = await self._row(key)
        if row is None:
            raise NotFound("run", key)
        fact = (await self._store.log.read_at([row.position]))[row.position].fact
        arguments: Any = decode(fact.arguments) if isinstance(fact, TriggerFired) else None
        return RunDetail(
            **msgspec.structs.asdict(run_view(row)),
            participants=await participants_of(self._store, await self._store.views.participants(key)),
            arguments=arguments,
            error=fact.error if isinstance(fact, RunFailed) else "",
        )

    async def _row(self, key: Id) -> RunRow | None:
        rows = await self._store.views.load("runs", [(key,)])
        return cast(RunRow | None, rows.get((key,)))


async def participants_of(store: Store, rows: Sequence[ParticipantRow]) -> tuple[ParticipantView, ...]:
    """Show participants under their names, which the log knows."""
    records = await store.log.read_at({row.position for row in rows if row.kind != "cron"})
    return tuple(participant_view(row, _name(row, records.get(row.position))) for row in rows)


def _name(row: ParticipantRow, record: Record | None) -> str:
    if row.kind == "cron":
        return f"slot {iso(row.occurred)}"
    fact = record.fact if record else None
    if isinstance(fact, EventEmitted):
        return fact.code
    if isinstance(fact, PollAnswered):
        return f"answer to slot {iso(fact.slot)}"
    task: str = getattr(fact, "task", "")
    status: str = getattr(fact, "status", "") or {
        "TriggerFired": "REGISTERED",
        "InvocationCreated": "REGISTERED",
        "AttemptStarted": "RUNNING",
        "InvocationCancelled": "CANCELLED",
    }.get(type(fact).__name__, "")
    return f"{task} {status}".strip()
