"""Decision views as one fold: what a record does to work and chains, in order."""

from __future__ import annotations

from ensue_core.changes import Change, TopicMoved
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    ConditionFailed,
    EventEmitted,
    Fact,
    Ingested,
    InvocationCancelled,
    InvocationCreated,
    RecordParked,
    RecordsMissed,
    TriggerFired,
)
from ensue_core.records import Record
from ensue_core.rows import TopicRow
from ensue_projections.chain import chain_changes
from ensue_projections.work import work_changes

# Most records concern one view or none: asking both cost 5 microseconds each where this costs half of one.
_NO_VIEW: frozenset[type[Fact]] = frozenset({EventEmitted, ConditionFailed, RecordParked, RecordsMissed})
_WORK_ALONE: frozenset[type[Fact]] = frozenset({InvocationCreated, AttemptStarted, AttemptEnded, InvocationCancelled})


def changes_of(record: Record) -> tuple[Change, ...]:
    """Return every change of a decision view that an effective record brings, in the order to apply."""
    fact = record.fact
    kind = type(fact)
    if kind in _NO_VIEW:
        return ()
    if kind in _WORK_ALONE:
        return work_changes(record)
    if type(fact) is TriggerFired and len(fact.participants) == 1:  # a lone participant never waited
        return work_changes(record)
    if isinstance(fact, Ingested):
        return (_moved(fact),)
    return (*work_changes(record), *chain_changes(record))


def _moved(fact: Ingested) -> TopicMoved:
    return TopicMoved(
        TopicRow(fact.topic, fact.partition, fact.through, fact.events, fact.repeats, fact.parked, fact.missed)
    )
