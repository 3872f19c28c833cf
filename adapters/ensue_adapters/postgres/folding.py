"""Decision views in Postgres: writes what the projections' changes come down to, many rows a statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.texts import column
from ensue_adapters.sql.gathering import Batch, WaitingBatch, WorkBatch
from ensue_core.changes import (
    ChainMoved,
    OwnMoved,
    ServicePauseSet,
    ServiceSet,
    TimerSet,
    TimersGone,
    TopicMoved,
    TriggerChanged,
    TriggerSet,
)


class Folding:
    """Writes changes into one namespace's decision views, inside the caller's transaction."""

    def __init__(self, session: Session, namespace: int) -> None:
        self._session = session
        self._namespace = namespace

    async def fold(self, batches: Iterable[Batch]) -> None:
        """Write batches in order."""
        for batch in batches:
            await self._write(batch)

    async def _write(self, batch: Batch) -> None:
        match batch:
            case WorkBatch():
                await self._write_work(batch)
            case WaitingBatch():
                await self._write_waiting(batch)
            case ChainMoved():
                through = _json(batch.through)
                await self._run(
                    "chain/move", service=batch.service, step=batch.step, through=through, clock=batch.clock
                )
            case TimerSet():
                await self._run("chain/set_timer", **msgspec.structs.asdict(batch.row))
            case TimersGone():
                await self._run("chain/drop_timers", service=batch.service, trigger=batch.trigger)
            case TriggerSet(row=row):
                values = msgspec.structs.asdict(row)
                await self._run(
                    "chain/set_trigger", **{**values, "spec": _json(row.spec), "own": _json_or_none(row.own)}
                )
            case TriggerChanged():
                values = msgspec.structs.asdict(batch)
                await self._run("chain/change_trigger", **{**values, "own": _json_or_none(batch.own)})
            case OwnMoved():
                own = _json_or_none(batch.own)
                await self._run("chain/move_own", service=batch.service, trigger=batch.trigger, own=own)
            case ServiceSet():
                tasks = _json(batch.tasks)
                await self._run("chain/declare", service=batch.service, version=batch.version, tasks=tasks)
            case ServicePauseSet():
                await self._run("chain/pause", service=batch.service, paused=batch.paused)
            case TopicMoved():
                await self._run("topics/move", **msgspec.structs.asdict(batch.more))
            case _:
                assert_never(batch)

    async def _write_work(self, batch: WorkBatch) -> None:
        rows = [*batch.added, *batch.begun]
        if rows:
            await self._run(
                "work/add",
                invocation=[row.invocation for row in rows],
                task=column([row.task for row in rows]),
                due=[row.due for row in rows],
                created=[row.created for row in rows],
                depth=[row.depth for row in rows],
                root=column([row.root for row in rows]),
                begun=[False] * len(batch.added) + [True] * len(batch.begun),
                worker=batch.lease.worker,
                until=batch.lease.until,
            )
        if batch.started:
            lease = batch.lease
            await self._run("work/start", invocations=batch.started, worker=lease.worker, until=lease.until)
        if batch.reopened:
            await self._run(
                "work/reopen",
                invocation=[each.invocation for each in batch.reopened],
                attempt=[each.attempt for each in batch.reopened],
                due=[each.due for each in batch.reopened],
                failures=[each.failures for each in batch.reopened],
                crashes=[each.crashes for each in batch.reopened],
            )
        if batch.ended:
            await self._run("work/end", invocations=batch.ended)

    async def _write_waiting(self, batch: WaitingBatch) -> None:
        if batch.gone:
            await self._run("chain/drop_waiting", matches=batch.gone)
        if rows := batch.added:
            await self._run(
                "chain/add_waiting",
                match=[row.match for row in rows],
                service=column([row.service for row in rows]),
                trigger=column([row.trigger for row in rows]),
                condition=column([row.condition for row in rows]),
                key=column([row.key for row in rows]),
                kind=[row.kind for row in rows],
                source=[row.source for row in rows],
                position=[row.position for row in rows],
                index=[row.index for row in rows],
                occurred=[row.occurred for row in rows],
                deadline=[row.deadline for row in rows],
            )

    async def _run(self, name: str, /, **values: Any) -> None:
        await self._session.run(name, namespace=self._namespace, **values)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _json_or_none(value: object) -> str | None:
    return None if value is None else _json(value)
