"""The work view: unfinished invocations, folded from what created, started, ended or cancelled them."""

from __future__ import annotations

from collections.abc import Iterable

from ensue_core.changes import WorkAdded, WorkChange, WorkEnded, WorkReopened, WorkStarted
from ensue_core.facts import AttemptEnded, AttemptStarted, InvocationCancelled, InvocationCreated, TriggerFired
from ensue_core.ids import Id
from ensue_core.records import Record
from ensue_core.rows import WorkRow


def leaves_open(records: Iterable[Record]) -> bool:
    """Whether records leave an attempt that nobody has begun."""
    waiting: set[Id] = set()
    for record in records:
        for change in work_changes(record):
            match change:
                case WorkAdded():
                    waiting.add(change.row.invocation)
                case WorkReopened():
                    waiting.add(change.invocation)
                case WorkStarted() | WorkEnded():
                    waiting.discard(change.invocation)
    return bool(waiting)


def work_changes(record: Record) -> tuple[WorkChange, ...]:
    """Return what a record does to the work view.

    The record must be effective: a store checks an end against the row's attempt before it appends it.
    """
    match record.fact:
        case TriggerFired() as fact:
            return (_added(record, fact.invocation, fact),)
        case AttemptStarted() as fact:
            return (WorkStarted(fact.invocation, fact.attempt),)
        case AttemptEnded() as fact:
            if fact.final:
                return (WorkEnded(fact.invocation),)
            return (WorkReopened(fact.invocation, fact.attempt + 1, fact.due, fact.failures, fact.crashes),)
        case InvocationCreated() as fact:
            return (_added(record, record.id, fact),)
        case InvocationCancelled() as fact:
            return (WorkEnded(fact.invocation),)
        case _:
            return ()


def _added(record: Record, invocation: Id, fact: TriggerFired | InvocationCreated) -> WorkAdded:
    due = fact.due or record.time
    return WorkAdded(
        WorkRow(invocation, fact.task, 1, due, record.position, False, 0, 0, fact.depth, record.root)
    )  # fmt: skip
