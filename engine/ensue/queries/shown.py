"""What queries answer with: frozen values with text ids, aware UTC times and decoded JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ensue.handles import Change
from ensue_core.clock import to_datetime
from ensue_core.facts import Failure, Origin
from ensue_core.rows import AttemptRow, EventRow, InvocationRow, ParticipantRow, ProblemRow, RunRow
from ensue_core.statuses import Status


def moment(time: int) -> datetime | None:
    """Turn log time into a datetime; 0 is none."""
    return to_datetime(time) if time else None


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event. `matched` counts the conditions it satisfied, `triggered` the runs it took part in."""

    id: str
    code: str
    time: datetime
    position: int
    key: str | None = None
    emitter: str | None = None
    emitter_task: str | None = None
    cause: str | None = None
    root: str | None = None
    matched: int = 0
    triggered: int = 0


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One firing of a trigger. `outcome` is fired, failed or too deep, `reason` says why not fired."""

    id: str
    trigger: str
    task: str
    service: str
    outcome: str
    time: datetime
    position: int
    invocation: str | None = None
    branch: int = 0
    key: str = ""
    reason: str = ""
    author: str | None = None
    root: str | None = None


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """Something a trigger could not do: `kind` is the fact that says it, `position` where it stands in the log."""

    position: int
    time: datetime
    kind: str
    trigger: str
    reason: str
    error: str


class ParticipantView(msgspec.Struct, frozen=True, kw_only=True):
    """What satisfied one condition of a run: `name` is the event's code, the task and status, or the schedule."""

    kind: str
    source: str
    name: str
    condition: str
    position: int
    time: datetime | None = None


class InvocationView(msgspec.Struct, frozen=True, kw_only=True):
    """An invocation as it stands. `run` created it, or `emitter`, the invocation whose body submitted it."""

    id: str
    task: str
    status: Status
    registered: datetime
    position: int
    run: str | None = None
    trigger: str | None = None
    emitter: str | None = None
    attempts: int = 0
    due: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    error_type: str | None = None
    error_message: str | None = None
    cause: str | None = None
    root: str | None = None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try of an invocation; `status` is RUNNING, SUCCESS, FAILED, RETRY, RELEASED, LOST or CANCELLED."""

    attempt: int
    started: datetime
    status: str
    ended: datetime | None = None
    worker: str = ""
    error_type: str | None = None


class EventDetail(EventView, frozen=True, kw_only=True):
    """An event with its payload and the runs it took part in (the newest thousand).

    `origin` says where it was taken from, if it came from a topic.
    """

    payload: Any = None
    traceparent: str | None = None
    origin: Origin | None = None
    runs: tuple[RunView, ...] = ()


class RunDetail(RunView, frozen=True, kw_only=True):
    """A run with its participants in order, and the arguments it made or the error that kept it from firing."""

    participants: tuple[ParticipantView, ...] = ()
    arguments: Any = None
    error: str = ""


class InvocationDetail(InvocationView, frozen=True, kw_only=True):
    """An invocation with its arguments, what came of it, each attempt and each status it had."""

    arguments: Any = None
    result: Any = None
    failure: Failure | None = None
    tries: tuple[AttemptView, ...] = ()
    history: Sequence[Change] = ()
    ended_position: int = 0


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """One schedule of a trigger."""

    condition: str
    expression: str
    timezone: str
    next: datetime | None = None
    last: datetime | None = None
    ticks: int = 0
    skipped: int = 0


class WaitingView(msgspec.Struct, frozen=True, kw_only=True):
    """A match that waits for partners of its key until `until`."""

    condition: str
    key: str
    kind: str
    source: str
    since: datetime
    until: datetime


class TriggerView(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger as declared. `state` is active, paused (with the `reason`) or retired.

    It counts records past `begins`; `asked` is how far it has been asked. `behind` is how many records it has
    not been asked about because it is paused or catches up.
    """

    name: str
    task: str
    service: str
    state: str
    sentence: str
    version: str
    reason: str | None = None
    begins: int = 0
    asked: int = 0
    behind: int = 0
    waiting: int = 0
    next: datetime | None = None
    fired: int = 0
    failed: int = 0
    matched: int = 0
    expired: int = 0
    dropped: int = 0
    last_fired: datetime | None = None


class TriggerDetail(TriggerView, frozen=True, kw_only=True):
    """A trigger with its conditions in words by id, its schedules, and what waits (the oldest hundred)."""

    conditions: dict[str, str] = {}
    schedules: tuple[ScheduleView, ...] = ()
    waits: tuple[WaitingView, ...] = ()


def event_view(row: EventRow) -> EventView:
    """Show an event's row."""
    return EventView(
        id=row.id, code=row.code, time=to_datetime(row.time), position=row.position, key=row.key,
        emitter=row.emitter, emitter_task=row.emitter_task, cause=row.cause, root=row.root,
        matched=row.matched, triggered=row.triggered,
    )  # fmt: skip


def problem_view(row: ProblemRow) -> ProblemView:
    """Show a problem's row."""
    return ProblemView(
        position=row.position, time=to_datetime(row.time), kind=row.kind, trigger=row.trigger, reason=row.reason,
        error=row.error,
    )  # fmt: skip


def run_view(row: RunRow) -> RunView:
    """Show a run's row."""
    return RunView(
        id=row.id, trigger=row.trigger, task=row.task, service=row.service, outcome=row.outcome,
        time=to_datetime(row.time), position=row.position, invocation=row.invocation, branch=row.branch,
        key=row.key, reason=row.reason, author=row.author, root=row.root,
    )  # fmt: skip


def invocation_view(row: InvocationRow) -> InvocationView:
    """Show an invocation's row."""
    return InvocationView(
        id=row.id, task=row.task, status=Status(row.status), registered=to_datetime(row.registered),
        position=row.created, run=row.run, trigger=row.trigger, emitter=row.emitter, attempts=row.attempts,
        due=moment(row.due), started=moment(row.started), ended=moment(row.ended), error_type=row.error_type,
        error_message=row.error_message, cause=row.cause, root=row.root,
    )  # fmt: skip


def attempt_view(row: AttemptRow) -> AttemptView:
    """Show an attempt's row."""
    return AttemptView(
        attempt=row.attempt, started=to_datetime(row.started), status=row.status, ended=moment(row.ended),
        worker=row.worker, error_type=row.error_type,
    )  # fmt: skip


def participant_view(row: ParticipantRow, name: str) -> ParticipantView:
    """Show a participant's row under the name of what it was."""
    return ParticipantView(
        kind=row.kind, source=row.source, name=name, condition=row.condition, position=row.position,
        time=moment(row.occurred),
    )  # fmt: skip
