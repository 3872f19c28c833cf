"""Decision views in SQL: writes what the projections' changes come down to, many rows a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import assert_never

import msgspec

from ensue_adapters.sql.gathering import Batch, WaitingBatch, WorkBatch
from ensue_adapters.sqlite.rows import write_rows
from ensue_adapters.sqlite.statements import sql
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
from ensue_core.rows import WorkRow


class Folding:
    """Writes changes into one namespace's decision views, inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, namespace: int) -> None:
        self._connection = connection
        self._namespace = namespace

    def fold(self, batches: Iterable[Batch]) -> None:
        """Write batches in order."""
        for batch in batches:
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        match batch:
            case WorkBatch():
                self._write_work(batch)
            case WaitingBatch():
                self._write_waiting(batch)
            case ChainMoved():
                self._run("chain/move", batch.service, batch.step, _json(batch.through), batch.clock)
            case TimerSet():
                self._run("chain/set_timer", *msgspec.structs.astuple(batch.row))
            case TimersGone():
                self._run("chain/drop_timers", batch.service, batch.trigger)
            case TriggerSet():
                self._set_trigger(batch)
            case TriggerChanged():
                self._run(
                    "chain/change_trigger",
                    batch.service,
                    batch.trigger,
                    batch.state,
                    _json_or_none(batch.own),
                    batch.begins,
                    batch.reason,
                )
            case OwnMoved():
                self._run("chain/move_own", batch.service, batch.trigger, _json_or_none(batch.own))
            case ServiceSet():
                self._run("chain/declare", batch.service, batch.version, _json(batch.tasks))
            case ServicePauseSet():
                self._run("chain/pause", batch.service, int(batch.paused))
            case TopicMoved():
                self._run("topics/move", *msgspec.structs.astuple(batch.more))
            case _:
                assert_never(batch)

    def _write_work(self, batch: WorkBatch) -> None:
        more = len(batch.added) + len(batch.begun)
        if more:
            lease = (batch.lease.worker, batch.lease.until)
            write_rows(self._connection, "work/add", [self._created(row) for row in batch.added])
            write_rows(self._connection, "work/begin", [self._created(row) + lease for row in batch.begun])
        if batch.started:
            self._run("work/start", _json(batch.started), batch.lease.worker, batch.lease.until)
        if batch.reopened:
            opened = [(e.invocation, e.attempt, e.due, e.failures, e.crashes) for e in batch.reopened]
            self._run("work/reopen", _json(opened))
        if batch.ended:
            more -= self._run("work/end", _json(batch.ended))
        if more:
            self._run("work/count", more)

    def _created(self, row: WorkRow) -> tuple[object, ...]:
        return self._namespace, row.invocation, row.task, row.due, row.created, row.depth, row.root

    def _write_waiting(self, batch: WaitingBatch) -> None:
        if batch.gone:
            self._run("chain/drop_waiting", _json(batch.gone))
        if batch.added:
            rows = [(self._namespace, *msgspec.structs.astuple(row)) for row in batch.added]
            write_rows(self._connection, "chain/add_waiting", rows)

    def _set_trigger(self, change: TriggerSet) -> None:
        row = change.row
        self._run(
            "chain/set_trigger",
            row.service,
            row.trigger,
            row.version,
            _json(row.spec),
            row.state,
            row.begins,
            _json_or_none(row.own),
            row.reason,
        )

    def _run(self, name: str, *values: object) -> int:
        return self._connection.execute(sql(name), (self._namespace, *values)).rowcount


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _json_or_none(value: object) -> str | None:
    return None if value is None else _json(value)
