"""Query views as one fold: a page of records, and the rows it touches, give the rows as they stand after it.

The loop around it: `touched(page)`, load those rows, `fold(page, rows)`, write the result with the cursor.
However the log is cut into pages, the rows come out equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionFailed,
    ConditionMatched,
    CronTicked,
    DepthExceeded,
    EventEmitted,
    Fact,
    InvocationCancelled,
    InvocationCreated,
    MatchesDropped,
    RecordParked,
    RecordsMissed,
    RunFailed,
    ServicePaused,
    ServiceResumed,
    TicksSkipped,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
    WindowExpired,
)
from ensue_core.ports import RowKey, RowTable
from ensue_core.records import Record
from ensue_core.rows import (
    AttemptRow,
    EventRow,
    InvocationRow,
    QueryRow,
    ScheduleRow,
    TriggerStatsRow,
)
from ensue_projections.events import EventFold
from ensue_projections.invocations import InvocationFold
from ensue_projections.problems import ProblemFold
from ensue_projections.runs import RunFold
from ensue_projections.schedules import ScheduleFold
from ensue_projections.touched import Handle, Touched, dispatch
from ensue_projections.triggers import TriggerFold

PROJECTION = "queries"
"""The name of the query views' cursor."""

VERSION = 2
"""Raised with every change of what these folds give: the views are then folded again from the start."""

Rows = Mapping[RowTable, Mapping[RowKey, QueryRow]]


class QueryFold:
    """The fold of every query view. It keeps nothing between pages."""

    def touched(self, page: Sequence[Record]) -> Touched:
        """Return which rows of earlier pages a page may change."""
        needs = _Needs()
        dispatch(page, needs.handlers())
        return needs.result()

    def fold(self, page: Sequence[Record], rows: Rows) -> dict[RowTable, dict[RowKey, QueryRow]]:
        """Return the rows that a page makes or changes, final; tables without any are left out.

        `rows` holds what `touched` named, as far as it exists; what else it holds does no harm.
        """
        events = EventFold(cast(Mapping[RowKey, EventRow], rows.get("events", {})))
        runs = RunFold()
        invocations = InvocationFold(
            cast(Mapping[RowKey, InvocationRow], rows.get("invocations", {})),
            cast(Mapping[RowKey, AttemptRow], rows.get("attempts", {})),
        )
        triggers = TriggerFold(cast(Mapping[RowKey, TriggerStatsRow], rows.get("trigger_stats", {})))
        schedules = ScheduleFold(cast(Mapping[RowKey, ScheduleRow], rows.get("schedules", {})))
        problems = ProblemFold()
        handlers: dict[type[Fact], tuple[Handle, ...]] = {
            EventEmitted: (events.emitted,),
            TriggerFired: (events.ran, runs.fired, invocations.fired, triggers.fired),
            AttemptStarted: (invocations.started,),
            AttemptEnded: (invocations.ended,),
            InvocationCreated: (invocations.created,),
            InvocationCancelled: (invocations.cancelled,),
            ConditionMatched: (events.matched, triggers.matched),
            ConditionFailed: (problems.failed,),
            RunFailed: (events.ran, runs.failed, triggers.failed, problems.failed),
            DepthExceeded: (events.ran, runs.too_deep, triggers.failed, problems.too_deep),
            WindowExpired: (triggers.expired, problems.expired),
            MatchesDropped: (triggers.dropped, problems.dropped),
            CronTicked: (schedules.ticked,),
            TicksSkipped: (schedules.skipped, problems.skipped),
            TriggerDeclared: (schedules.declared,),
            TriggerRetired: (schedules.retired,),
            TriggerPaused: (problems.paused,),
            TriggerResumed: (schedules.resumed,),
            ServicePaused: (problems.service_paused,),
            RecordParked: (problems.parked,),
            RecordsMissed: (problems.missed,),
            ServiceResumed: (schedules.service_resumed,),
        }
        dispatch(page, handlers)
        changed: dict[RowTable, Mapping[RowKey, QueryRow]] = {
            "events": events.result(),
            "runs": runs.runs,
            "participants": runs.participants,
            "invocations": invocations.result(),
            "attempts": invocations.attempts(),
            "trigger_stats": triggers.result(),
            "schedules": schedules.changed,
            "problems": problems.rows,
        }
        return {table: dict(of_table) for table, of_table in changed.items() if of_table}


class _Needs:
    """Gathers the keys that one page touches, and those of the rows that it makes itself."""

    def __init__(self) -> None:
        self._events: set[RowKey] = set()
        self._events_made: set[RowKey] = set()
        self._invocations: set[RowKey] = set()
        self._invocations_made: set[RowKey] = set()
        self._attempts: set[RowKey] = set()
        self._attempts_made: set[RowKey] = set()
        self._triggers: set[RowKey] = set()
        self._schedules: set[RowKey] = set()
        self._cancelled: set[RowKey] = set()
        self._declared: set[RowKey] = set()

    def handlers(self) -> dict[type[Fact], tuple[Handle, ...]]:
        """Return who notes which facts."""
        return {
            EventEmitted: (self._emitted,),
            TriggerFired: (self._ran, self._fired),
            RunFailed: (self._ran,),
            DepthExceeded: (self._ran,),
            ConditionMatched: (self._matched,),
            InvocationCreated: (self._created,),
            AttemptStarted: (self._started,),
            AttemptEnded: (self._ended,),
            InvocationCancelled: (self._was_cancelled,),
            WindowExpired: (self._of_trigger,),
            MatchesDropped: (self._of_trigger,),
            CronTicked: (self._ticked,),
            TicksSkipped: (self._ticked,),
            TriggerDeclared: (self._was_declared,),
            TriggerRetired: (self._was_declared,),
            TriggerResumed: (self._was_declared,),
            ServiceResumed: (self._service_resumed,),
        }

    def result(self) -> Touched:
        """Return what is needed of earlier pages."""
        touched = Touched()
        touched.add("events", self._events, self._events_made)
        touched.add("invocations", self._invocations, self._invocations_made)
        touched.add("attempts", self._attempts, self._attempts_made)
        touched.add("trigger_stats", self._triggers)
        touched.add("schedules", self._schedules)
        touched.add_family("attempts", self._cancelled)
        touched.add_family("schedules", self._declared)
        return touched

    def _emitted(self, record: Record, fact: EventEmitted) -> None:
        self._events_made.add((record.id,))

    def _ran(self, record: Record, fact: TriggerFired | RunFailed | DepthExceeded) -> None:
        self._triggers.add((fact.service, fact.trigger))
        for each in fact.participants:
            if each.kind == "event":
                self._events.add((each.source,))

    def _fired(self, record: Record, fact: TriggerFired) -> None:
        self._invocations_made.add((fact.invocation,))

    def _matched(self, record: Record, fact: ConditionMatched) -> None:
        self._triggers.add((fact.service, fact.trigger))
        if fact.kind == "event":
            self._events.add((fact.source,))

    def _created(self, record: Record, fact: InvocationCreated) -> None:
        self._invocations_made.add((record.id,))

    def _started(self, record: Record, fact: AttemptStarted) -> None:
        self._invocations.add((fact.invocation,))
        self._attempts_made.add((fact.invocation, fact.attempt))

    def _ended(self, record: Record, fact: AttemptEnded) -> None:
        self._invocations.add((fact.invocation,))
        self._attempts.add((fact.invocation, fact.attempt))

    def _was_cancelled(self, record: Record, fact: InvocationCancelled) -> None:
        self._invocations.add((fact.invocation,))
        self._cancelled.add((fact.invocation,))

    def _of_trigger(self, record: Record, fact: WindowExpired | MatchesDropped) -> None:
        self._triggers.add((fact.service, fact.trigger))

    def _ticked(self, record: Record, fact: CronTicked | TicksSkipped) -> None:
        self._schedules.add((fact.service, fact.trigger, fact.condition))

    def _was_declared(self, record: Record, fact: TriggerDeclared | TriggerRetired | TriggerResumed) -> None:
        self._declared.add((fact.service, fact.trigger))

    def _service_resumed(self, record: Record, fact: ServiceResumed) -> None:
        for trigger, timers in fact.timers.items():
            self._schedules.update((fact.service, trigger, condition) for condition in timers)
