"""What a store must offer. The contracts stand in the docstrings; `ensue.testing.conformance` checks them.

Every method may be cancelled by its caller at any await: the work it asked for is then done whole or not at
all, and never half. Unless it says otherwise, a method raises `StoreUnavailable` when the store cannot be
reached and `CommitUnknown` when a commit's outcome is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import msgspec

from ensue_core.clock import Clock
from ensue_core.facts import Through
from ensue_core.ids import Id, derive
from ensue_core.records import Draft, Record
from ensue_core.rows import (
    AttemptRow,
    ChainRow,
    EventRow,
    InvocationRow,
    ParticipantRow,
    ProblemRow,
    QueryRow,
    RunRow,
    ScheduleRow,
    TimerRow,
    TriggerRow,
    TriggerStatsRow,
    WaitingRow,
    WorkRow,
)
from ensue_core.topics import Offsets

if TYPE_CHECKING:
    from ensue_core.archive import Archive
    from ensue_core.generations import Generations

RowT = TypeVar("RowT", bound=QueryRow)


FOREVER = 1 << 62
"""A time that does not come."""


class Appended(msgspec.Struct, frozen=True, gc=False):
    """What became of one draft. `duplicate`: its id stood already, at `position`, and nothing was added.

    `conflict`: the record that stood there says something else (another payload or arguments).
    `pending`: it waits for a commit of the caller, and will stand somewhere past `position`.
    """

    position: int
    duplicate: bool = False
    conflict: bool = False
    pending: bool = False


class Head(msgspec.Struct, frozen=True, gc=False):
    """The last record's position and time; (0, 0) for an empty log."""

    position: int
    time: int


class Log(Protocol):
    """The namespace's records, in one order, for ever."""

    async def append(self, drafts: Sequence[Draft]) -> list[Appended]:
        """Append drafts in order, all in one transaction, and fold them into the work view.

        Durable on return. Positions are dense; log time never decreases and is never less than an effective
        Step's clock. Idempotent for drafts marked `repeatable`. One conflict does not stop the others.
        """
        ...

    async def read(self, after: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position, in order, without a gap.

        A short page says nothing: the end is where a page is empty.
        A reader that has seen position p never later finds a record at or before p.
        """
        ...

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions; missing ones are left out."""
        ...

    async def find(self, id: Id) -> Record | None:
        """Return the record with that id."""
        ...

    async def head(self) -> Head:
        """Return the last position and its time; what an outbox holds committed has entered before."""
        ...

    async def wait(self, after: int, timeout: float | None = None) -> int:
        """Return a position past `after` as soon as the log has reached it, 0 after `timeout` seconds.

        A hint wakes it at once where the store has one; polling is the truth.
        """
        ...

    def known(self, after: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position that this process has in memory, in order, without a gap.

        Asks nobody. None says nothing: there may be more.
        """
        ...

    async def horizon(self, after: int, until: int) -> int:
        """Return a log time before which nothing past a position can have happened.

        A Step that has passed `after` may let no more time pass than that. Where it is before `until`, a store that
        can bring it on does so first. `FOREVER` where a commit sees to it that no Step lets too much time pass.
        """
        ...


class Outbox(Protocol):
    """How a store lets its user's own transactions carry drafts. A store without one has no `outbox`.

    Drafts enter the log after the user's commit, and never where it rolls back. One that cannot enter (its id
    came to stand meanwhile and says something else) is set aside with the reason, and stops nothing.
    """

    async def standing(self, drafts: Sequence[Draft]) -> Mapping[Id, Appended]:
        """Return what became of the repeatable drafts whose id any committed transaction has brought, by id."""
        ...

    async def put(self, connection: object, drafts: Sequence[Draft]) -> int:
        """Add drafts to the open transaction of a connection that is awaited; return a position they stand past.

        Raises `BadConnection`, and leaves the transaction as it was where the server was not asked. Errors that
        the transaction itself brings about (a deadlock, a timeout) are the driver's own.
        """
        ...

    def put_blocking(self, connection: object, drafts: Sequence[Draft]) -> int:
        """The same on a connection that blocks, in any thread but the loop's."""
        ...


class Step(msgspec.Struct, frozen=True):
    """One commit of a scheduler. Effective only where the chain's last effective Step is `after`.

    The `AttemptStarted` among its facts are attempts that `worker` itself begins, with a lease of that length.
    Such a fact does not know where the record that creates its invocation will stand when both are in one
    Step: a `created` of -k means "the record k places before me", and the store writes the real position
    when it places the fact. The Step's id is that of the facts as handed in.
    """

    service: str
    after: Id
    through: Through
    clock: int
    facts: tuple[Draft, ...]
    own: Mapping[str, Through | None] = {}
    worker: str = ""
    lease_seconds: float = 15.0

    @property
    def id(self) -> Id:
        """The digest of all it holds, so that the chain also shows tampering."""
        own = msgspec.json.encode(dict(self.own), order="sorted")
        parts: list[str | bytes | int] = [
            self.service,
            self.after,
            self.through.occurrence,
            self.through.trigger,
        ]
        parts += [*self.through.positions, self.clock, own]
        for fact in self.facts:
            parts += [fact.id, fact.cause or "", fact.root or "", fact.data]
        return derive(self.clock, "step", *parts)


class Committed(msgspec.Struct, frozen=True):
    """The Step is effective; its records, in order, `Decided` last."""

    records: tuple[Record, ...]


class Superseded(msgspec.Struct, frozen=True):
    """The Step is void: another one follows `after`. Nothing of it was stored. Reload."""


class Outrun(msgspec.Struct, frozen=True):
    """The Step is void: the log holds a record past `through` that is older than its clock. Read on."""


class Chain(msgspec.Struct, frozen=True):
    """One consistent snapshot of a service's decision views."""

    row: ChainRow
    triggers: tuple[TriggerRow, ...] = ()
    timers: tuple[TimerRow, ...] = ()
    waiting: tuple[WaitingRow, ...] = ()


class Decisions(Protocol):
    """The services' chains of Steps."""

    async def load(self, service: str) -> Chain:
        """Return the chain as of one moment; a service that never declared has an empty row.

        Retired triggers are included.
        """
        ...

    async def commit(self, step: Step) -> Committed | Superseded | Outrun:
        """Append the Step's facts and its `Decided`, and fold them, in one transaction, or do nothing.

        Raises `CommitUnknown`; then `find_step` tells.
        """
        ...

    async def find_step(self, service: str, step: Id) -> Committed | None:
        """Return a Step's records where it is effective, None where it is not in the chain."""
        ...

    async def chains(self) -> Sequence[ChainRow]:
        """Return the row of each service's chain."""
        ...


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """An attempt that a worker owns from now on, and the record that created its invocation."""

    row: WorkRow
    record: Record


class End(msgspec.Struct, frozen=True, gc=False):
    """An attempt's end and the events that come with it.

    `if_expired` is the reaper's: the end counts only where the lease has still run out as it is appended.
    """

    invocation: Id
    attempt: int
    end: Draft
    buffered: tuple[Draft, ...] = ()
    if_expired: bool = False


class Work(Protocol):
    """Unfinished invocations. The fencing token is (invocation, attempt)."""

    async def claim(self, worker: str, tasks: Collection[str], limit: int, lease_seconds: float) -> Sequence[Claimed]:
        """Start up to `limit` due, unleased attempts of those tasks: append `AttemptStarted` for each.

        Oldest due first. Durable on return. Never lets the same (invocation, attempt) twice.
        """
        ...

    async def renew(self, worker: str, held: Sequence[tuple[Id, int]], lease_seconds: float) -> list[bool]:
        """Renew leases; False for each that is no longer this worker's."""
        ...

    async def finish(self, ends: Sequence[End]) -> list[bool]:
        """Append ends whose attempt is current and started, with their buffered events; one transaction.

        False for each that came too late; nothing of it is stored then.
        """
        ...

    async def expired(self, limit: int) -> Sequence[WorkRow]:
        """Return started attempts whose lease has run out, for the reaper to end as LOST through `finish`."""
        ...

    async def cancel(self, cancellation: Draft) -> bool:
        """Append an `InvocationCancelled` where the invocation has not ended; False where it has."""
        ...

    async def get(self, invocation: Id) -> WorkRow | None:
        """Return the row of an unfinished invocation."""
        ...

    async def next_due(self, tasks: Collection[str]) -> int | None:
        """Return the earliest log time at which an unstarted attempt of those tasks is due."""
        ...

    async def queued(self) -> int:
        """Return how many invocations are unfinished."""
        ...


class Leases(Protocol):
    """Soft state: who believes to hold what. Wrong leases cost time, never truth."""

    async def hold(self, name: str, holder: str, note: str, seconds: float) -> bool:
        """Take or renew a named lease; False where another holder's has not run out."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give a lease up, if it is held."""
        ...

    async def holders(self, prefix: str) -> Sequence[tuple[str, str, str]]:
        """Return (name, holder, note) of the live leases whose name begins so."""
        ...


class Cursor(msgspec.Struct, frozen=True):
    """How far a query view has folded the log."""

    projection: str
    version: int
    position: int


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, newest first. `code` may end in `.*`; times are log time, `until` exclusive."""

    code: str | None = None
    since: int | None = None
    until: int | None = None
    matched: bool | None = None
    triggered: bool | None = None
    emitter: Id | None = None
    emitter_task: str | None = None
    root: str | None = None
    before: int | None = None
    limit: int = 50


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs, newest first. `source` is an event's, invocation's or slot's id among the participants."""

    source: Id | None = None
    invocation: Id | None = None
    trigger: str | None = None
    task: str | None = None
    outcome: str | None = None
    root: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    limit: int = 50


class InvocationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which invocations, newest first."""

    task: str | None = None
    statuses: tuple[str, ...] = ()
    trigger: str | None = None
    emitter: Id | None = None
    root: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    limit: int = 50


RowTable = Literal[
    "events", "runs", "participants", "invocations", "attempts", "trigger_stats", "schedules", "problems"
]
RowKey = tuple[str | int, ...]


class Views(Protocol):
    """Query views: rows and cursor move in one transaction."""

    page_records_max: int
    """How many records a projector folds before it writes: the more, the fewer rows are written twice, and the longer
    others wait where they share what is written with."""

    async def cursor(self, projection: str, version: int) -> int:
        """Return the last position folded; 0 for a projection (or version) not seen before, emptied first."""
        ...

    async def load(self, table: RowTable, keys: Collection[RowKey]) -> dict[RowKey, QueryRow]:
        """Return the rows with those keys."""
        ...

    async def project(self, before: Cursor, rows: Mapping[RowTable, Mapping[RowKey, QueryRow]], after: int) -> bool:
        """Write final rows and move the cursor from `before.position` to `after`; False where it has moved."""
        ...

    async def drop(self) -> None:
        """Empty every query view and its cursor."""
        ...

    async def events(self, query: EventQuery) -> Sequence[EventRow]:
        """Return events that fit, newest first; `before` is the last position of the page before."""
        ...

    async def runs(self, query: RunQuery) -> Sequence[RunRow]:
        """Return runs that fit, newest first."""
        ...

    async def invocations(self, query: InvocationQuery) -> Sequence[InvocationRow]:
        """Return invocations that fit, newest first by creation."""
        ...

    async def participants(self, run: Id) -> Sequence[ParticipantRow]:
        """Return a run's participants in order."""
        ...

    async def attempts(self, invocation: Id) -> Sequence[AttemptRow]:
        """Return an invocation's attempts in order."""
        ...

    async def trigger_stats(self) -> Sequence[TriggerStatsRow]:
        """Return what each trigger has done."""
        ...

    async def schedules(self) -> Sequence[ScheduleRow]:
        """Return each cron condition's schedule."""
        ...

    async def problems(self, before: int | None, limit: int) -> Sequence[ProblemRow]:
        """Return recent problems, newest first."""
        ...


class Health(msgspec.Struct, frozen=True):
    """What `ensue doctor` prints of a store: name, whether it is well, and a sentence."""

    name: str
    well: bool
    says: str


class Store(Protocol):
    """One namespace of one store, opened."""

    namespace: str
    clock: Clock
    log: Log
    decisions: Decisions
    work: Work
    leases: Leases
    views: Views
    offsets: Offsets
    generations: Generations

    async def open(self) -> None:
        """Connect; create what is missing. One clear error where that cannot be."""
        ...

    async def close(self) -> None:
        """Finish what was asked and let go of everything. Repeating it does nothing."""
        ...

    def archive(self) -> Archive:
        """Return the same namespace for reading alone, not yet open; this store need not be open for it."""
        ...

    async def rebuild_decisions(self) -> None:
        """Drop the decision views and fold them again from the log, in one transaction."""
        ...

    async def dump_decisions(self) -> dict[str, list[tuple[object, ...]]]:
        """Return every decision view's rows, sorted, without leases: what a rebuild must reproduce."""
        ...

    async def health(self) -> Sequence[Health]:
        """Look at the store as `ensue doctor` shows it."""
        ...


class OpenStore(Protocol):
    """What the entry-point group `ensue.stores` names: a URL and a namespace give a store, not yet open."""

    def __call__(self, url: str, namespace: str, clock: Clock) -> Store:
        """Check the URL's form and return the store; connects to nothing."""
        ...
