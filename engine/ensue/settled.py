"""Whether all that an event caused has come to its end.

Followed through the log alone: runs in which it takes part, their invocations, what those emitted and
submitted, and so on. A waiting match or a timer does not hold it; a record that some trigger still has to be
asked about does.
"""

from __future__ import annotations

from ensue.scheduler.listening import Listening
from ensue.scheduler.state import ChainState
from ensue_core.facts import (
    AttemptEnded,
    Decided,
    DepthExceeded,
    InvocationCancelled,
    InvocationCreated,
    RunFailed,
    ServiceDeclared,
    ServicePaused,
    ServiceResumed,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
)
from ensue_core.ids import Id
from ensue_core.ports import Chain
from ensue_core.records import Record
from ensue_core.rows import ChainRow, TriggerRow
from ensue_projections.chain import chain_changes

_DECLARING = (
    Decided,
    ServiceDeclared,
    ServicePaused,
    ServiceResumed,
    TriggerDeclared,
    TriggerPaused,
    TriggerResumed,
    TriggerRetired,
)


class Settling:
    """Tracks what one record caused. Records may be shown again."""

    def __init__(self, first: Id) -> None:
        self._first, self._is_there = first, False
        self._caused: set[str] = {first}
        self._open: dict[Id, str] = {}
        self._ended: set[Id] = set()
        self._undecided: dict[int, Record] = {}
        self._chains: dict[str, ChainState] = {}
        self._folded: dict[str, int] = {}
        self._listening: dict[tuple[str, str | None], Listening] = {}

    def know(self, chain: Chain, position: int) -> None:
        """Start from a service's chain as the store has it; its last Step stands at `position`."""
        self._folded[chain.row.service] = position
        rows = tuple(row for row in chain.triggers)
        self._chains[chain.row.service] = ChainState(Chain(chain.row, rows))

    def see(self, record: Record) -> None:
        """Look at one record."""
        fact = record.fact
        if isinstance(fact, _DECLARING):
            self._fold(record)
        if not self._is_caused(record):
            return
        self._is_there |= record.id == self._first
        self._caused.add(record.id)
        self._undecided[record.position] = record
        match fact:
            case TriggerFired():
                self._caused.add(fact.invocation)
                if fact.invocation not in self._ended:
                    self._open[fact.invocation] = fact.task
            case InvocationCreated() if record.id not in self._ended:
                self._open[record.id] = fact.task
            case AttemptEnded() if fact.final:
                self._end(fact.invocation)
            case InvocationCancelled():
                self._end(fact.invocation)
            case _:
                pass

    def _end(self, invocation: Id) -> None:
        self._ended.add(invocation)
        self._open.pop(invocation, None)

    def _is_caused(self, record: Record) -> bool:
        if record.id in self._caused or record.cause in self._caused:
            return True
        fact = record.fact
        if isinstance(fact, (TriggerFired, RunFailed, DepthExceeded)):
            return any(each.source in self._caused for each in fact.participants)
        return False

    def seen_all(self) -> bool:
        """Whether nothing it caused runs, waits to run, or waits to be decided."""
        if self._open or not self._is_there or not self._declared():
            return False
        for position in sorted(self._undecided):
            if self._must_be_asked(self._undecided[position]):
                return False
            del self._undecided[position]
        return True

    def says(self) -> str:
        """What is not settled, in words."""
        if not self._declared():
            return "no service has declared its triggers in this namespace yet: start `ensue run`"
        if not self._is_there:
            return "it is not in the log: has the transaction it was emitted in been committed?"
        if self._open:
            some = ", ".join(f"{task} {id}" for id, task in list(self._open.items())[:3])
            return f"{len(self._open)} invocations have not ended ({some}): is a worker running that has their code?"
        return "the scheduler has not decided all it caused: is `ensue run` up?"

    def _declared(self) -> bool:
        return any(state.row.version for state in self._chains.values())

    def _must_be_asked(self, record: Record) -> bool:
        """Whether an active trigger of some service hears the record and has not been asked about it."""
        for service, state in self._chains.items():
            if state.row.paused:
                continue
            for name, row in state.triggers.items():
                asked = (row.own or state.row.through).position
                if row.state != "active" or record.position <= max(row.begins, asked):
                    continue
                key = (service, name)
                if key not in self._listening:
                    self._listening[key] = Listening([row.spec])
                if self._listening[key].heard(record):
                    return True
        return False

    def _fold(self, record: Record) -> None:
        service: str = getattr(record.fact, "service", "")
        if record.position <= self._folded.get(service, 0):
            return  # shown again, or older than the snapshot we began with
        self._folded[service] = record.position
        state = self._chains.get(service)
        if state is None:
            state = self._chains[service] = ChainState(Chain(ChainRow(service)))
        fact = record.fact
        for change in chain_changes(record):
            known: dict[str, TriggerRow] = state.triggers
            name = getattr(change, "trigger", None)
            if name is None or name in known or isinstance(fact, TriggerDeclared):
                state.apply(change)
        if isinstance(fact, TriggerDeclared):
            self._listening.pop((service, fact.trigger), None)
