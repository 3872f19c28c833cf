"""The work table of one namespace: unfinished invocations, what is due next, and leases."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import assert_never

from msgspec.structs import replace

from ensue_core.changes import WorkAdded, WorkChange, WorkEnded, WorkReopened, WorkStarted
from ensue_core.ids import Id
from ensue_core.rows import WorkRow

Waiting = tuple[int, int, Id, int]
"""Due, creating position, invocation, attempt: the order in which attempts are let."""


class WorkTable:
    """Rows by invocation; for each task a heap of attempts to start, whose stale entries are skipped."""

    def __init__(self) -> None:
        self.rows: dict[Id, WorkRow] = {}
        self.leases: dict[Id, tuple[str, int]] = {}
        self._waiting: dict[str, list[Waiting]] = {}

    def apply(self, change: WorkChange) -> None:
        """Alter the table as one change says."""
        match change:
            case WorkAdded(row):
                self.rows[row.invocation] = row
                self._queue(row)
            case WorkStarted(invocation, attempt):
                started = self.rows.get(invocation)
                if started is not None and started.attempt == attempt:
                    self.rows[invocation] = replace(started, started=True)
            case WorkReopened():
                self._reopen(change)
            case WorkEnded(invocation):
                self.rows.pop(invocation, None)
                self.leases.pop(invocation, None)
            case _:
                assert_never(change)

    def _reopen(self, change: WorkReopened) -> None:
        row = self.rows.get(change.invocation)
        if row is None:
            return
        row = replace(
            row,
            attempt=change.attempt,
            due=change.due,
            started=False,
            failures=change.failures,
            crashes=change.crashes,
        )
        self.rows[row.invocation] = row
        self.leases.pop(row.invocation, None)
        self._queue(row)

    def running(self, invocation: Id, attempt: int) -> WorkRow | None:
        """Return the row where that attempt is the current one and has started."""
        row = self.rows.get(invocation)
        return row if row is not None and row.attempt == attempt and row.started else None

    def leased(self, invocation: Id, now: int) -> bool:
        """Whether somebody holds a live lease on an invocation."""
        return self.leases.get(invocation, ("", 0))[1] >= now

    def take_due(self, tasks: Collection[str], time: int, limit: int) -> list[WorkRow]:
        """Remove up to `limit` due attempts from the heaps, oldest due first, and return their rows."""
        heads = [(head, task) for task in sorted(set(tasks)) for head in self._head(task)]
        heapify(heads)
        taken: list[WorkRow] = []
        while heads and len(taken) < limit and heads[0][0][0] <= time:
            head, task = heads[0]
            heappop(self._waiting[task])
            taken.append(self.rows[head[2]])
            following = next(self._head(task), None)
            if following is None:
                heappop(heads)
            else:
                heapreplace(heads, (following, task))
        return taken

    def next_due(self, tasks: Collection[str]) -> int | None:
        """Return the earliest due time of an attempt that has not started."""
        return min((head[0] for task in set(tasks) for head in self._head(task)), default=None)

    def overdue(self, now: int, limit: int) -> list[WorkRow]:
        """Return started attempts without a live lease, longest overdue first."""
        late = [
            (until, row.created, row)
            for row in self.rows.values()
            if row.started and (until := self.leases.get(row.invocation, ("", 0))[1]) < now
        ]
        return [row for _, _, row in sorted(late, key=lambda each: each[:2])[:limit]]

    def _queue(self, row: WorkRow) -> None:
        entry = (row.due, row.created, row.invocation, row.attempt)
        heappush(self._waiting.setdefault(row.task, []), entry)

    def _head(self, task: str) -> Iterator[Waiting]:
        """Yield the first entry of a task's heap that still holds, if there is one."""
        heap = self._waiting.get(task, [])
        while heap:
            due, _, invocation, attempt = heap[0]
            row = self.rows.get(invocation)
            if row is not None and row.attempt == attempt and row.due == due and not row.started:
                yield heap[0]
                return
            heappop(heap)
