"""Rows of the views: what decision views and query views hold, whatever the store.

Every row can be folded again from the log. Times are log time in microseconds (0: not yet).
"""

from __future__ import annotations

import msgspec

from ensue_core.declarations import TriggerSpec
from ensue_core.facts import BEGINNING, PauseReason, SourceKind, Through, TriggerState
from ensue_core.ids import NO_ID, Id

# Decision views: folded in the very transaction that appends the facts.


class ChainRow(msgspec.Struct, frozen=True):
    """A service's chain of Steps: the cursor, the clock, and who is declared."""

    service: str
    step: Id = NO_ID
    through: Through = BEGINNING
    clock: int = 0
    version: str = ""
    tasks: tuple[str, ...] = ()
    paused: bool = False


class TriggerRow(msgspec.Struct, frozen=True):
    """A trigger of a service as last declared, paused, resumed or retired.

    It covers records past `begins`. `own` is how far it has been asked while it lags behind the chain or is
    paused; None otherwise.
    """

    service: str
    trigger: str
    version: str
    spec: TriggerSpec
    state: TriggerState = "active"
    begins: int = 0
    own: Through | None = None
    reason: PauseReason | None = None


class TimerRow(msgspec.Struct, frozen=True, gc=False):
    """The next slot of a cron or poll condition.

    `note` is empty for a cron; for a poll it is a JSON list of [digest, answer] of its unfinished answers.
    """

    service: str
    trigger: str
    condition: str
    due: int
    note: str = ""


class WaitingRow(msgspec.Struct, frozen=True, gc=False):
    """A match that waits for partners of its key. Ordered by (position, index) of its occurrence."""

    match: Id
    service: str
    trigger: str
    condition: str
    key: str
    kind: SourceKind
    source: Id
    position: int
    index: int
    occurred: int
    deadline: int


class TopicRow(msgspec.Struct, frozen=True, gc=False):
    """How far a partition of a topic was taken, and what became of its records so far."""

    topic: str
    partition: int
    through: int
    events: int = 0
    repeats: int = 0
    parked: int = 0
    missed: int = 0


class WorkRow(msgspec.Struct, frozen=True, gc=False):
    """An unfinished invocation. `created` is the position of the record that created it.

    `attempt` is the current one; `started` whether it has begun. Leases are soft state beside the row.
    """

    invocation: Id
    task: str
    attempt: int
    due: int
    created: int
    started: bool = False
    failures: int = 0
    crashes: int = 0
    depth: int = 0
    root: str | None = None


# Query views: folded behind the log.


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """An event, and what came of it."""

    id: Id
    position: int
    time: int
    code: str
    key: str | None = None
    emitter: Id | None = None
    emitter_task: str | None = None
    cause: str | None = None
    root: str | None = None
    matched: int = 0
    triggered: int = 0


class RunRow(msgspec.Struct, frozen=True, gc=False):
    """A trigger run. `outcome` is fired, failed or too deep; `sources` are its participants' ids in order."""

    id: Id
    position: int
    time: int
    service: str
    trigger: str
    task: str
    outcome: str
    invocation: Id | None = None
    branch: int = 0
    key: str = ""
    reason: str = ""
    author: str | None = None
    root: str | None = None


class ParticipantRow(msgspec.Struct, frozen=True, gc=False):
    """One participant of a run."""

    run: Id
    place: int
    condition: str
    kind: SourceKind
    source: Id
    position: int
    occurred: int = 0


class InvocationRow(msgspec.Struct, frozen=True, gc=False):
    """An invocation as it stands. `created` and `ended_at` are positions of the records that say so."""

    id: Id
    task: str
    status: str
    created: int
    registered: int
    run: Id | None = None
    trigger: str | None = None
    emitter: Id | None = None
    attempts: int = 0
    due: int = 0
    started: int = 0
    ended: int = 0
    ended_at: int = 0
    error_type: str | None = None
    error_message: str | None = None
    cause: str | None = None
    root: str | None = None


class AttemptRow(msgspec.Struct, frozen=True, gc=False):
    """One try of an invocation."""

    invocation: Id
    attempt: int
    started: int
    worker: str = ""
    ended: int = 0
    status: str = "RUNNING"
    position: int = 0
    error_type: str | None = None


class TriggerStatsRow(msgspec.Struct, frozen=True, gc=False):
    """What a trigger has done so far."""

    service: str
    trigger: str
    fired: int = 0
    failed: int = 0
    matched: int = 0
    expired: int = 0
    dropped: int = 0
    last_fired: int = 0


class ScheduleRow(msgspec.Struct, frozen=True, gc=False):
    """One cron condition: its last and next slot, and what was skipped."""

    service: str
    trigger: str
    condition: str
    expression: str
    timezone: str
    next: int = 0
    last: int = 0
    ticks: int = 0
    skipped: int = 0


class ProblemRow(msgspec.Struct, frozen=True, gc=False):
    """A fact that says something went wrong: a failed filter, run, window, overflow, skipped slots, a pause."""

    position: int
    time: int
    kind: str
    trigger: str = ""
    reason: str = ""
    error: str = ""


QueryRow = EventRow | RunRow | ParticipantRow | InvocationRow | AttemptRow | TriggerStatsRow | ScheduleRow | ProblemRow

ROW_TYPES: dict[str, tuple[type[QueryRow], tuple[str, ...]]] = {
    "events": (EventRow, ("id",)),
    "runs": (RunRow, ("id",)),
    "participants": (ParticipantRow, ("run", "place")),
    "invocations": (InvocationRow, ("id",)),
    "attempts": (AttemptRow, ("invocation", "attempt")),
    "trigger_stats": (TriggerStatsRow, ("service", "trigger")),
    "schedules": (ScheduleRow, ("service", "trigger", "condition")),
    "problems": (ProblemRow, ("position",)),
}
"""Each query view's table: its row and the names of its key."""
