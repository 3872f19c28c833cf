"""The events view: each event, how many matches it made and how many runs it took part in."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ensue_core.facts import ConditionMatched, DepthExceeded, EventEmitted, RunFailed, TriggerFired
from ensue_core.ids import Id
from ensue_core.ports import RowKey
from ensue_core.records import Record
from ensue_core.rows import EventRow
from ensue_projections.touched import never_waited


class EventFold:
    """Folds one page; `rows` are the events of earlier pages that it touches.

    Each match counts once for its event: when it begins to wait, or when it completes a run at once.
    """

    def __init__(self, rows: Mapping[RowKey, EventRow]) -> None:
        self._rows = rows
        self._emitted: dict[Id, tuple[Record, EventEmitted]] = {}
        self._matched: dict[Id, int] = {}
        self._triggered: dict[Id, int] = {}

    def emitted(self, record: Record, fact: EventEmitted) -> None:
        """Note an event."""
        self._emitted[record.id] = record, fact

    def matched(self, record: Record, fact: ConditionMatched) -> None:
        """Count a match that waits."""
        if fact.kind == "event":
            self._matched[fact.source] = self._matched.get(fact.source, 0) + 1

    def ran(self, record: Record, fact: TriggerFired | RunFailed | DepthExceeded) -> None:
        """Count the matches that completed a run at once, and the run where it fired."""
        parts = fact.participants
        if len(parts) == 1 and type(fact) is TriggerFired and fact.run is None:  # nearly all, and nothing to sort out
            if parts[0].kind == "event":
                source = parts[0].source
                self._matched[source] = self._matched.get(source, 0) + 1
                self._triggered[source] = self._triggered.get(source, 0) + 1
            return
        retried = not isinstance(fact, DepthExceeded) and fact.run is not None
        for each in () if retried else never_waited(fact.participants):
            if each.kind == "event":
                self._matched[each.source] = self._matched.get(each.source, 0) + 1
        if isinstance(fact, TriggerFired):
            for source in {each.source for each in fact.participants if each.kind == "event"}:
                self._triggered[source] = self._triggered.get(source, 0) + 1

    def result(self) -> dict[RowKey, EventRow]:
        """Return the rows that are new or changed."""
        matched, triggered = self._matched, self._triggered
        changed: dict[RowKey, EventRow] = {}
        for id, (record, fact) in self._emitted.items():
            changed[(id,)] = EventRow(
                id,
                record.position,
                record.time,
                fact.code,
                fact.key,
                fact.emitter,
                fact.emitter_task,
                record.cause,
                record.root,
                matched.get(id, 0),
                triggered.get(id, 0),
            )
        for id in {**matched, **triggered}:
            row = self._rows.get((id,))
            if row is not None and id not in self._emitted:
                more, runs = matched.get(id, 0), triggered.get(id, 0)
                changed[(id,)] = replace(row, matched=row.matched + more, triggered=row.triggered + runs)
        return changed
