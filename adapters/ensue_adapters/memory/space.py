"""One namespace in memory: its log, and every transaction on it as one synchronous function."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import msgspec
from msgspec.structs import asdict, replace

from ensue_adapters.memory.views import ViewTables
from ensue_adapters.memory.work import WorkTable
from ensue_core.changes import Change, TopicMoved, WorkAdded, WorkEnded, WorkReopened, WorkStarted
from ensue_core.defaults import SECOND
from ensue_core.errors import StoreError
from ensue_core.facts import (
    AttemptStarted,
    Decided,
    EventEmitted,
    Fact,
    InvocationCancelled,
    InvocationCreated,
    encode_fact,
)
from ensue_core.ids import Id, derive_from
from ensue_core.ports import Appended, Claimed, Committed, End, Head, Outrun, Step, Superseded
from ensue_core.records import Draft, Record, draft, place
from ensue_core.rows import TopicRow, WorkRow
from ensue_core.topics import BEFORE_FIRST, Batch, Clashing, Overtaken, Taken, ingested
from ensue_core.values import canonical, decode
from ensue_projections.decisions import changes_of
from ensue_projections.tables import ChainTables, move_topic


class Standing:
    """The generations of the query views by number: 0 is none."""

    def __init__(self, first: ViewTables) -> None:
        self.tables: dict[int, ViewTables] = {1: first}
        self.live, self.kept, self.beside, self.last = 1, 0, 0, 1


class Space:
    """A namespace's log, decision views, leases and query views. Every plain method is one transaction."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.ids: dict[Id, int] = {}
        self.chains = ChainTables()
        self.work = WorkTable()
        self.topics: dict[tuple[str, int], TopicRow] = {}
        self.views = ViewTables()
        self.generations = Standing(self.views)
        self.held: dict[str, tuple[str, str, int]] = {}
        self.waiters: set[asyncio.Future[None]] = set()

    # The log.

    def head(self) -> Head:
        """Return the last position and its time."""
        return Head(len(self.records), self.records[-1].time if self.records else 0)

    def find(self, id: Id) -> Record | None:
        """Return the record with that id."""
        position = self.ids.get(id)
        return self.records[position - 1] if position is not None else None

    def append(self, drafts: Sequence[Draft], now: int) -> list[Appended]:
        """Append those whose id is new, in order; say of the others where they stood."""
        fresh, answers = self._new(drafts)
        self._write(fresh, now)
        return answers

    def _new(self, drafts: Sequence[Draft]) -> tuple[list[Draft], list[Appended]]:
        """Part drafts that are new from those that stand already, in the log or earlier in the batch."""
        fresh: list[Draft] = []
        placed: dict[Id, int] = {}
        answers: list[Appended] = []
        for each in drafts:
            stands = self.ids.get(each.id) or placed.get(each.id)
            if stands is None:
                fresh.append(each)
                stands = placed[each.id] = len(self.records) + len(fresh)
                answers.append(Appended(stands))
                continue
            past = stands - len(self.records)
            other = self.records[stands - 1].fact if past <= 0 else fresh[past - 1].fact
            answers.append(Appended(stands, duplicate=True, conflict=not _says_same(other, each.fact)))
        return fresh, answers

    def _write(self, drafts: Sequence[Draft], now: int, clock: int = 0) -> list[Record]:
        """Give drafts their places and fold them: the one way into the log."""
        time = max(now, clock, self.head().time)
        start = len(self.records) + 1
        records = [place(each, start + offset, time) for offset, each in enumerate(drafts)]
        changes = [change for record in records for change in changes_of(record)]
        for record in records:
            self.records.append(record)
            self.ids[record.id] = record.position
        for change in changes:
            _apply(change, self.work, self.chains, self.topics)
        if records:
            self.wake()
        return records

    def stand(self, drafts: Sequence[Draft], time: int) -> list[Record]:
        """Let drafts stand that were judged elsewhere, at a log time that was decided there."""
        return self._write(drafts, time)

    def wake(self) -> None:
        """Wake everybody who waits for the log."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()

    async def changed(self, other: asyncio.Future[None] | None) -> None:
        """Return at the next append, or once `other` is done."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.add(waiter)
        try:
            await asyncio.wait({waiter} if other is None else {waiter, other}, return_when="FIRST_COMPLETED")
        finally:
            self.waiters.discard(waiter)

    # Steps.

    def commit(self, step: Step, now: int) -> Committed | Superseded | Outrun:
        """Make a Step effective, or nothing."""
        if self.chains.row(step.service).step != step.after:
            return Superseded()
        past = self.records[step.through.position : step.through.position + 1]
        if past and past[0].time < step.clock:
            return Outrun()
        facts = _resolve(step.facts, len(self.records) + 1)
        fresh, _ = self._new(facts)
        if len(fresh) < len(facts):
            standing = sorted(each.id for each in facts if each.id in self.ids)
            raise StoreError(f"a Step repeats records that stand already ({standing[:3]}): report this as a bug")
        decided = Decided(step.service, step.after, step.through, step.clock, dict(step.own), len(facts))
        records = self._write([*facts, draft(step.id, decided)], now, step.clock)
        until = now + round(step.lease_seconds * SECOND)
        for record in records:
            if isinstance(record.fact, AttemptStarted):
                self.work.leases[record.fact.invocation] = (step.worker, until)
        return Committed(tuple(records))

    def find_step(self, service: str, step: Id) -> Committed | None:
        """Return a Step's records where it is effective."""
        record = self.find(step)
        if record is None or not isinstance(record.fact, Decided) or record.fact.service != service:
            return None
        return Committed(tuple(self.records[record.position - 1 - record.fact.facts : record.position]))

    # Work.

    def claim(self, worker: str, tasks: Collection[str], limit: int, until: int, now: int) -> list[Claimed]:
        """Start due attempts and lease them to the worker."""
        rows = self.work.take_due(tasks, max(now, self.head().time), limit)
        self._write([_start(row, worker) for row in rows], now)
        for row in rows:
            self.work.leases[row.invocation] = (worker, until)
        return [Claimed(self.work.rows[row.invocation], self.records[row.created - 1]) for row in rows]

    def renew(self, worker: str, held: Sequence[tuple[Id, int]], until: int) -> list[bool]:
        """Renew the leases that are still the worker's."""
        answers: list[bool] = []
        for invocation, attempt in held:
            running = self.work.running(invocation, attempt) is not None
            ours = running and self.work.leases.get(invocation, ("", 0))[0] == worker
            if ours:
                self.work.leases[invocation] = (worker, until)
            answers.append(ours)
        return answers

    def finish(self, ends: Sequence[End], now: int) -> list[bool]:
        """Append the ends that come first for their attempt, each with its new buffered events."""
        answers: list[bool] = []
        for each in ends:
            row = self.work.running(each.invocation, each.attempt)
            effective = row is not None and not (each.if_expired and self.work.leased(each.invocation, now))
            answers.append(effective)
            if effective:
                fresh, _ = self._new(each.buffered)
                self._write([each.end, *fresh], now)
        return answers

    def cancel(self, cancellation: Draft, now: int) -> bool:
        """Append a cancellation where the invocation is unfinished."""
        fact = cancellation.fact
        if not isinstance(fact, InvocationCancelled) or fact.invocation not in self.work.rows:
            return False
        self._write([cancellation], now)
        return True

    # Topics.

    def ingest(self, batches: Sequence[Batch], now: int) -> list[Taken | Overtaken | Clashing]:
        """Append the batches that begin where their partition's offset stands."""
        return [self._ingest(each, now) for each in batches]

    def _ingest(self, batch: Batch, now: int) -> Taken | Overtaken | Clashing:
        row = self.topics.get((batch.topic, batch.partition))
        through = row.through if row is not None else BEFORE_FIRST
        if through != batch.after:
            return Overtaken(through)
        fresh, answers = self._new(batch.drafts)
        clashes = tuple(index for index, each in enumerate(answers) if each.conflict)
        if clashes:
            return Clashing(clashes)
        events = sum(isinstance(each.fact, EventEmitted) for each in fresh)
        self._write([*fresh, ingested(batch, events)], now)
        return Taken(events, len(batch.drafts) - len(fresh))

    # Leases.

    def hold(self, name: str, holder: str, note: str, now: int, until: int) -> bool:
        """Take a lease that is free, run out or the holder's own."""
        standing = self.held.get(name)
        if standing is not None and standing[0] != holder and standing[2] >= now:
            return False
        self.held[name] = (holder, note, until)
        return True

    def release(self, name: str, holder: str) -> None:
        """Give a lease up."""
        if name in self.held and self.held[name][0] == holder:
            del self.held[name]

    def holders(self, prefix: str, now: int) -> list[tuple[str, str, str]]:
        """Return the live leases whose name begins so."""
        return [
            (name, holder, note)
            for name, (holder, note, until) in sorted(self.held.items())
            if name.startswith(prefix) and until >= now
        ]

    # Rebuilding.

    def rebuild(self) -> None:
        """Fold the whole log into fresh decision views and put them in place; live leases stay."""
        chains, work = ChainTables(), WorkTable()
        topics: dict[tuple[str, int], TopicRow] = {}
        for record in self.records:
            for change in changes_of(record):
                _apply(change, work, chains, topics)
        work.leases = {key: lease for key, lease in self.work.leases.items() if key in work.rows}
        self.chains, self.work, self.topics = chains, work, topics

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every decision view's rows as sorted tuples."""
        tables: dict[str, list[msgspec.Struct]] = {
            "chains": [*self.chains.chains.values()],
            "triggers": [*self.chains.triggers.values()],
            "timers": [*self.chains.timers.values()],
            "waiting": [*self.chains.waiting.values()],
            "work": [*self.work.rows.values()],
            "topics": [*self.topics.values()],
        }
        return {name: sorted((_flat(row) for row in rows), key=repr) for name, rows in tables.items()}


def _apply(change: Change, work: WorkTable, chains: ChainTables, topics: dict[tuple[str, int], TopicRow]) -> None:
    if isinstance(change, (WorkAdded, WorkStarted, WorkReopened, WorkEnded)):
        work.apply(change)
    elif isinstance(change, TopicMoved):
        move_topic(change, topics)
    else:
        chains.apply(change)


def _start(row: WorkRow, worker: str) -> Draft:
    fact = AttemptStarted(row.invocation, row.attempt, row.task, row.created, worker, row.depth)
    return draft(derive_from(row.invocation, "start", row.attempt), fact, cause=row.invocation, root=row.root)


def _resolve(facts: Sequence[Draft], start: int) -> list[Draft]:
    """Turn "the record k places before me" of the Step's starts into positions."""
    resolved: list[Draft] = []
    for offset, each in enumerate(facts):
        fact = each.fact
        if isinstance(fact, AttemptStarted) and fact.created < 0:
            fact = replace(fact, created=start + offset + fact.created)
            each = replace(each, fact=fact, data=encode_fact(fact))
        resolved.append(each)
    return resolved


def _says_same(standing: Fact, other: Fact) -> bool:
    """Whether two facts of one id say the same: what was emitted or submitted counts, not where from."""
    match standing, other:
        case EventEmitted(), EventEmitted():
            return standing.code == other.code and _same_json(standing.payload, other.payload)
        case InvocationCreated(), InvocationCreated():
            return standing.task == other.task and _same_json(standing.arguments, other.arguments)
        case _:
            return encode_fact(standing) == encode_fact(other)


def _same_json(one: msgspec.Raw, other: msgspec.Raw) -> bool:
    """Whether two JSON texts hold the same value; the order of keys and white space do not count."""
    if bytes(one) == bytes(other):
        return True
    try:
        return canonical(decode(one)) == canonical(decode(other))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False


def _flat(row: msgspec.Struct) -> tuple[object, ...]:
    """Return a row as plain values; nested ones as JSON text."""
    return tuple(
        value if value is None or isinstance(value, (str, int)) else msgspec.json.encode(value, order="sorted")
        for value in asdict(row).values()
    )
