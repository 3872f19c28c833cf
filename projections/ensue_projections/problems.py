"""The problems view: one row for each fact that says something went wrong."""

from __future__ import annotations

from ensue_core.facts import (
    ConditionFailed,
    DepthExceeded,
    MatchesDropped,
    RecordParked,
    RecordsMissed,
    RunFailed,
    ServicePaused,
    TicksSkipped,
    TriggerPaused,
    WindowExpired,
)
from ensue_core.ports import RowKey
from ensue_core.records import Record
from ensue_core.rows import ProblemRow


class ProblemFold:
    """Folds one page. Problems never change: nothing of earlier pages is needed."""

    def __init__(self) -> None:
        self.rows: dict[RowKey, ProblemRow] = {}

    def failed(self, record: Record, fact: ConditionFailed | RunFailed) -> None:
        """Add a filter or run that failed."""
        self._add(record, fact.trigger, fact.reason, fact.error)

    def too_deep(self, record: Record, fact: DepthExceeded) -> None:
        """Add a chain of causes that was stopped."""
        self._add(record, fact.trigger, f"depth {fact.depth}")

    def expired(self, record: Record, fact: WindowExpired) -> None:
        """Add matches that waited in vain."""
        self._add(record, fact.trigger, f"{len(fact.matches)} waiting")

    def dropped(self, record: Record, fact: MatchesDropped) -> None:
        """Add an overflow; what a join leaves over when it closes is as it should be."""
        if fact.reason == "overflow":
            self._add(record, fact.trigger, fact.reason)

    def skipped(self, record: Record, fact: TicksSkipped) -> None:
        """Add slots that were missed and dropped."""
        self._add(record, fact.trigger, fact.reason or f"{fact.count} slots")

    def paused(self, record: Record, fact: TriggerPaused) -> None:
        """Add a trigger that is asked no longer."""
        self._add(record, fact.trigger, fact.reason)

    def service_paused(self, record: Record, fact: ServicePaused) -> None:
        """Add a service that decides no longer."""
        self._add(record, "", f"service {fact.service}")

    def parked(self, record: Record, fact: RecordParked) -> None:
        """Add a topic's record that became no event."""
        self._add(record, "", f"topic {fact.topic}, partition {fact.partition}, offset {fact.offset}", fact.reason)

    def missed(self, record: Record, fact: RecordsMissed) -> None:
        """Add a topic's records that were deleted unread."""
        self._add(record, "", f"topic {fact.topic}, partition {fact.partition}", f"{fact.first} to {fact.last} deleted")

    def _add(self, record: Record, trigger: str, reason: str, error: str = "") -> None:
        row = ProblemRow(record.position, record.time, record.kind, trigger, reason, error)
        self.rows[(record.position,)] = row
