"""Occurrences: the things that records say happened, which conditions are asked about."""

from __future__ import annotations

import msgspec

from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    EventEmitted,
    Failure,
    InvocationCancelled,
    InvocationCreated,
    Origin,
    PollAnswered,
    SourceKind,
    TriggerFired,
)
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_core.statuses import Status


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened: an event, a status change with what it brings, a poll's answer, or a cron slot.

    `source` is the event's, the invocation's or the slot's id; `created` the position of the record that
    created the invocation, `previous` the slot that ticked before a slot (0: not known), `poll` the trigger and
    condition that an answer is for.
    """

    kind: SourceKind
    position: int
    index: int
    record: Id
    time: int
    source: Id
    root: str
    depth: int = 0
    code: str = ""
    payload: msgspec.Raw | None = None
    emitter: Id | None = None
    task: str = ""
    status: Status | None = None
    attempt: int = 0
    created: int = 0
    result: msgspec.Raw | None = None
    failure: Failure | None = None
    slot: int = 0
    previous: int = 0
    origin: Origin | None = None
    poll: tuple[str, str] | None = None


def occurrences_of(record: Record) -> tuple[Occurrence, ...]:
    """Return what a record says happened, in order; nothing for facts that no condition can be asked about."""
    fact = record.fact
    root = record.root or record.id
    match fact:
        case EventEmitted():
            event = Occurrence(
                "event", record.position, 0, record.id, fact.appended or record.time, record.id, root,
                depth=fact.depth, code=fact.code, payload=fact.payload, emitter=fact.emitter,
                origin=fact.origin,
            )  # fmt: skip
            return (event,)
        case InvocationCreated():
            return _created(record, fact.appended or record.time, record.id, fact.task, fact.due, fact.depth, root)
        case TriggerFired():
            return _created(record, record.time, fact.invocation, fact.task, fact.due, fact.depth, root)
        case AttemptStarted():
            pending = _status(record, 0, fact, Status.PENDING, root)
            return pending, _status(record, 1, fact, Status.RUNNING, root)
        case AttemptEnded():
            if fact.status in ("RELEASED", "LOST"):
                return ()
            return (_status(record, 0, fact, Status(fact.status), root),)
        case InvocationCancelled():
            cancelled = Occurrence(
                "status", record.position, 0, record.id, fact.appended or record.time, fact.invocation, root,
                depth=fact.depth, task=fact.task, status=Status.CANCELLED, created=fact.created,
            )  # fmt: skip
            return (cancelled,)
        case PollAnswered():
            answer = Occurrence(
                "poll", record.position, 0, record.id, record.time, record.id, root,
                payload=fact.payload, poll=(fact.trigger, fact.condition),
            )  # fmt: skip
            return (answer,)
        case _:
            return ()


def happened_at(record: Record) -> int:
    """Return when what a record says happened: its log time, or before, where it was appended before that."""
    match record.fact:
        case EventEmitted() | InvocationCreated() | AttemptStarted() | AttemptEnded() | InvocationCancelled():
            return record.fact.appended or record.time
        case _:
            return record.time


def _created(
    record: Record, time: int, invocation: Id, task: str, due: int, depth: int, root: str
) -> tuple[Occurrence, ...]:
    def change(index: int, status: Status) -> Occurrence:
        return Occurrence(
            "status", record.position, index, record.id, time, invocation, root,
            depth=depth, task=task, status=status, created=record.position,
        )  # fmt: skip

    registered = change(0, Status.REGISTERED)
    return (registered, change(1, Status.SCHEDULED)) if due > record.time else (registered,)


def _status(record: Record, index: int, fact: AttemptStarted | AttemptEnded, status: Status, root: str) -> Occurrence:
    ended = fact if isinstance(fact, AttemptEnded) else None
    return Occurrence(
        "status", record.position, index, record.id, fact.appended or record.time, fact.invocation, root,
        depth=fact.depth, task=fact.task, status=status, attempt=fact.attempt, created=fact.created,
        result=ended.result if ended and ended.status == "SUCCESS" else None, failure=ended.failure if ended else None,
    )  # fmt: skip


SLOT_INDEX = 1 << 20
"""Where a slot stands among a record's occurrences: after them all."""


def slot_occurrence(slot_id: Id, slot: int, position: int, previous: int = 0) -> Occurrence:
    """Return the occurrence that a cron slot is; it belongs to one condition and stands in no other record.

    `position` is that of the last record heard before it, so that it has its place in the order.
    """
    return Occurrence("cron", position, SLOT_INDEX, slot_id, slot, slot_id, slot_id, slot=slot, previous=previous)


def ended_invocation(record: Record) -> Id | None:
    """Return the invocation that a record ends for good, whose joins close with it."""
    match record.fact:
        case AttemptEnded() as fact if fact.final:
            return fact.invocation
        case InvocationCancelled() as fact:
            return fact.invocation
        case _:
            return None
