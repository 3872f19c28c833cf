"""Work: rows are let by lease, started by request; a body begins only after its own start was found to count."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from ensue_adapters.broker.lines import ATTEMPTS, Lines
from ensue_adapters.broker.outbox import Outbox
from ensue_adapters.broker.tasks import OwnTasks
from ensue_adapters.broker.views import FoldedViews
from ensue_core.facts import AttemptStarted, InvocationCancelled
from ensue_core.ids import NO_ID, Id, new_id
from ensue_core.ports import Claimed, End, Log, Work
from ensue_core.records import Draft, draft
from ensue_core.rows import WorkRow
from ensue_projections.requests import Cancel, Counted, Finish, Start, Verdict

STARTS_MAX = 50_000
"""How many starts a process remembers; the end of an attempt whose start it forgot does not name it."""


class BrokerWork:
    """One namespace's work. `views` are those of the store that holds the views, `log` is its log."""

    def __init__(self, outbox: Outbox, lines: Lines, folded: FoldedViews, tasks: OwnTasks) -> None:
        self._outbox, self._lines, self._folded, self._tasks = outbox, lines, folded, tasks
        self._views: Work = folded.store.work
        self._log: Log = folded.store.log
        self._starts: dict[tuple[Id, int], Id] = {}

    async def claim(self, worker: str, tasks: Collection[str], limit: int, lease_seconds: float) -> Sequence[Claimed]:
        """Lease due attempts, start them, and return those whose start counts."""
        if limit <= 0:
            return []
        return await self._tasks.run(self._claim(worker, frozenset(tasks), limit, lease_seconds))

    async def renew(self, worker: str, held: Sequence[tuple[Id, int]], lease_seconds: float) -> list[bool]:
        """Renew leases; False for each that is no longer this worker's."""
        return await self._views.renew(worker, held, lease_seconds)

    async def finish(self, ends: Sequence[End]) -> list[bool]:
        """Ask for ends; False for each that does not count."""
        if not ends:
            return []
        return await self._tasks.run(self._finish(ends))

    async def expired(self, limit: int) -> Sequence[WorkRow]:
        """Return started attempts whose lease has run out."""
        return await self._views.expired(limit)

    async def cancel(self, cancellation: Draft) -> bool:
        """Ask for a cancellation; False where the invocation has ended."""
        fact = cancellation.fact
        assert isinstance(fact, InvocationCancelled), "cancel takes the draft of an InvocationCancelled"
        return _counts(await self._outbox.ask(self._lines.of(ATTEMPTS, fact.invocation), Cancel(cancellation)))

    async def get(self, invocation: Id) -> WorkRow | None:
        """Return the row of an unfinished invocation."""
        return await self._views.get(invocation)

    async def next_due(self, tasks: Collection[str]) -> int | None:
        """Return the earliest log time at which an unstarted attempt of those tasks is due."""
        return await self._views.next_due(tasks)

    async def queued(self) -> int:
        """Return how many invocations are unfinished."""
        return await self._views.queued()

    async def _claim(self, worker: str, tasks: frozenset[str], limit: int, seconds: float) -> list[Claimed]:
        rows = await self._folded.let(worker, tasks, limit, seconds)
        if not rows:
            return []
        starts = [_start(row, worker) for row in rows]
        try:
            line = self._lines.of(ATTEMPTS, rows[0].invocation)
            verdicts = await self._outbox.ask_all(line, [Start(start, worker, seconds) for start in starts])
        except BaseException:
            await self._folded.unlet(worker, [row.invocation for row in rows])
            raise
        owned = [(row, start) for row, start, verdict in zip(rows, starts, verdicts, strict=True) if _counts(verdict)]
        created = await self._log.read_at([row.created for row, _ in owned])
        for row, start in owned:
            self._remember(row, start.id)
        return [Claimed(replace(row, started=True), created[row.created]) for row, _ in owned]

    async def _finish(self, ends: Sequence[End]) -> list[bool]:
        reaped = [each.invocation for each in ends if each.if_expired]
        leased = set(await self._folded.leased(reaped)) if reaped else set[Id]()
        counted = [not (each.if_expired and each.invocation in leased) for each in ends]
        sent = [each for each, counts in zip(ends, counted, strict=True) if counts]
        finishes = [
            Finish(each.end, each.buffered, self._starts.get((each.invocation, each.attempt), NO_ID)) for each in sent
        ]
        line = self._lines.of(ATTEMPTS, ends[0].invocation)
        verdicts = iter(await self._outbox.ask_all(line, finishes) if finishes else ())
        answers = [counts and _counts(next(verdicts)) for counts in counted]
        for each in ends:
            self._starts.pop((each.invocation, each.attempt), None)
        return answers

    def _remember(self, row: WorkRow, start: Id) -> None:
        if len(self._starts) >= STARTS_MAX:
            self._starts.pop(next(iter(self._starts)))
        self._starts[row.invocation, row.attempt] = start


_: type[Work] = BrokerWork


def _counts(verdict: Verdict) -> bool:
    return isinstance(verdict, Counted) and verdict.counts


def _start(row: WorkRow, worker: str) -> Draft:
    """Return a start with an id of its own: of several for one attempt, the first in the log owns it."""
    fact = AttemptStarted(row.invocation, row.attempt, row.task, row.created, worker, row.depth)
    return draft(new_id(), fact, cause=row.invocation, root=row.root)
