"""Invocations: which tasks were called, why, and how it went."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec

from ensue.handles import Change
from ensue.queries.fresh import fold_up, freshen, unfolded
from ensue.queries.pages import Named, Page, all_of, id_of, name_of, page_of, time_of
from ensue.queries.shown import InvocationDetail, InvocationView, attempt_view, invocation_view
from ensue_core.clock import to_datetime
from ensue_core.defaults import DEFAULTS
from ensue_core.errors import NotFound, UnknownStatus
from ensue_core.facts import AttemptEnded, AttemptStarted, InvocationCancelled, InvocationCreated, TriggerFired
from ensue_core.ids import Id, parse_id
from ensue_core.ports import InvocationQuery, RowKey, Store
from ensue_core.records import Record
from ensue_core.rows import AttemptRow, InvocationRow
from ensue_core.statuses import Status
from ensue_core.values import decode
from ensue_projections.invocations import InvocationFold
from ensue_projections.queries import PROJECTION, VERSION


class Invocations:
    """The namespace's invocations, newest first by creation."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self,
        *,
        task: Named | str | None = None,
        status: str | Sequence[str] = (),
        trigger: str | None = None,
        emitter: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        root: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[InvocationView]:
        """Return a page of invocations that fit.

        `status` is one status or several, in any case; `emitter` the invocation whose body submitted them;
        `since` and `until` (exclusive) count from when they were registered. Raises `UnknownStatus` and `BadId`.
        """
        query = InvocationQuery(
            task=name_of(task),
            statuses=_statuses(status),
            trigger=trigger,
            emitter=id_of(emitter),
            root=root,
            since=time_of(since),
            until=time_of(until),
        )
        await freshen(self._store)

        async def fetch(before: int | None, limit: int) -> Sequence[InvocationRow]:
            return await self._store.views.invocations(msgspec.structs.replace(query, before=before, limit=limit))

        return await page_of(fetch, invocation_view, lambda row: row.created, cursor, limit)

    def all(
        self,
        *,
        task: Named | str | None = None,
        status: str | Sequence[str] = (),
        trigger: str | None = None,
        emitter: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        root: str | None = None,
    ) -> AsyncIterator[InvocationView]:
        """Yield every invocation that fits, page by page."""
        return all_of(
            lambda cursor: self.list(
                task=task, status=status, trigger=trigger, emitter=emitter, since=since, until=until, root=root,
                cursor=cursor, limit=500,
            )
        )  # fmt: skip

    async def get(self, id: str) -> InvocationDetail:
        """Return one invocation exactly as of now. Raises `NotFound` and `BadId`."""
        key = parse_id(id)
        row, attempts = await exact(self._store, key)
        tries = [attempts[number] for number in sorted(attempts)]
        last = max((each.position for each in tries), default=0)
        records = await self._store.log.read_at({row.created, row.ended_at, last} - {0})
        created = records[row.created].fact
        assert isinstance(created, TriggerFired | InvocationCreated)
        end = records[row.ended_at or last].fact if row.ended_at or last else None
        result, failure = (end.result, end.failure) if isinstance(end, AttemptEnded) else (None, None)
        return InvocationDetail(
            **msgspec.structs.asdict(invocation_view(row)),
            arguments=decode(created.arguments),
            result=decode(result) if result is not None and bytes(result) else None,
            failure=failure,
            tries=tuple(map(attempt_view, tries)),
            history=_history(row, created.due, tries),
            ended_position=row.ended_at,
        )


def _statuses(status: str | Sequence[str]) -> tuple[str, ...]:
    wanted = (status,) if isinstance(status, str) else tuple(status)
    for each in wanted:
        if each.upper() not in Status.__members__:
            raise UnknownStatus(each)
    return tuple(each.upper() for each in wanted)


def _history(row: InvocationRow, due: int, tries: Sequence[AttemptRow]) -> Sequence[Change]:
    """Tell every status that an invocation had, oldest first."""
    changes = [Change(Status.REGISTERED, to_datetime(row.registered))]
    if due > row.registered:
        changes.append(Change(Status.SCHEDULED, to_datetime(row.registered)))
    for each in tries:
        begun = to_datetime(each.started)
        changes.append(Change(Status.PENDING, begun, each.attempt, each.worker))
        changes.append(Change(Status.RUNNING, begun, each.attempt, each.worker))
        if each.ended:
            after = Status.REGISTERED if each.status in ("RELEASED", "LOST") else Status(each.status)
            changes.append(Change(after, to_datetime(each.ended), each.attempt, each.worker))
    if row.status == Status.CANCELLED and changes[-1].status != Status.CANCELLED:
        changes.append(Change(Status.CANCELLED, to_datetime(row.ended)))
    return changes


async def exact(store: Store, id: Id) -> tuple[InvocationRow, Mapping[int, AttemptRow]]:
    """Return an invocation and its attempts as of the log's end: the view's rows, and the rest of the log over them.

    The cursor is read first and the log last, so nothing is missed; what a row holds already is left out.
    Raises `NotFound`.
    """
    at = await store.views.cursor(PROJECTION, VERSION)
    if (await store.log.head()).position - at > DEFAULTS.page_records_max:
        await fold_up(store)
        at = await store.views.cursor(PROJECTION, VERSION)
    rows = await store.views.load("invocations", [(id,)])
    row = cast(InvocationRow | None, rows.get((id,)))
    attempts = {each.attempt: each for each in await store.views.attempts(id)}
    if row is not None and row.ended_at:
        return row, attempts
    of_attempts: dict[RowKey, AttemptRow] = {(id, number): each for number, each in attempts.items()}
    fold = InvocationFold({} if row is None else {(id,): row}, of_attempts)
    async for record in unfolded(store, at):
        _fold(fold, record, id, row)
    row = fold.result().get((id,), row)
    if row is None:
        raise NotFound("invocation", id)
    return row, attempts | {each.attempt: each for each in fold.attempts().values()}


def _fold(fold: InvocationFold, record: Record, id: Id, row: InvocationRow | None) -> None:
    """Fold a record that concerns the invocation and that its row does not hold yet."""
    standing = 0 if row is None else row.attempts
    match record.fact:
        case TriggerFired() as fact if fact.invocation == id and row is None:
            fold.fired(record, fact)
        case InvocationCreated() as fact if record.id == id and row is None:
            fold.created(record, fact)
        case AttemptStarted() as fact if fact.invocation == id and fact.attempt > standing:
            fold.started(record, fact)
        case AttemptEnded() as fact if fact.invocation == id:
            if row is None or fact.attempt > standing or (fact.attempt == standing and row.status == "RUNNING"):
                fold.ended(record, fact)
        case InvocationCancelled() as fact if fact.invocation == id:
            fold.cancelled(record, fact)
        case _:
            pass
