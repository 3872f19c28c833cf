"""The trigger statistics: what each trigger has matched, fired, failed and given up."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ensue_core.facts import (
    ConditionMatched,
    DepthExceeded,
    MatchesDropped,
    RunFailed,
    TriggerFired,
    WindowExpired,
)
from ensue_core.ports import RowKey
from ensue_core.records import Record
from ensue_core.rows import TriggerStatsRow
from ensue_projections.touched import never_waited


class Tally(msgspec.Struct, gc=False):
    """What one page adds to a trigger's counts."""

    fired: int = 0
    failed: int = 0
    matched: int = 0
    expired: int = 0
    dropped: int = 0
    last_fired: int = 0


class TriggerFold:
    """Folds one page; `rows` are the statistics so far."""

    def __init__(self, rows: Mapping[RowKey, TriggerStatsRow]) -> None:
        self._rows = rows
        self._tallies: dict[tuple[str, str], Tally] = {}

    def matched(self, record: Record, fact: ConditionMatched) -> None:
        """Count a match that waits."""
        self._of(fact.service, fact.trigger).matched += 1

    def fired(self, record: Record, fact: TriggerFired) -> None:
        """Count a run, and the matches that completed it at once."""
        tally = self._of(fact.service, fact.trigger)
        tally.fired += 1
        if fact.run is None:  # what matched for a run that is retried was counted before
            tally.matched += len(never_waited(fact.participants))
        tally.last_fired = record.time

    def failed(self, record: Record, fact: RunFailed | DepthExceeded) -> None:
        """Count a run that came to nothing."""
        tally = self._of(fact.service, fact.trigger)
        tally.failed += 1
        if isinstance(fact, DepthExceeded) or fact.run is None:
            tally.matched += len(never_waited(fact.participants))

    def expired(self, record: Record, fact: WindowExpired) -> None:
        """Count matches that waited in vain."""
        self._of(fact.service, fact.trigger).expired += len(fact.matches)

    def dropped(self, record: Record, fact: MatchesDropped) -> None:
        """Count matches that were given up."""
        self._of(fact.service, fact.trigger).dropped += len(fact.matches)

    def result(self) -> dict[RowKey, TriggerStatsRow]:
        """Return the statistics that have changed."""
        changed: dict[RowKey, TriggerStatsRow] = {}
        for key, tally in self._tallies.items():
            before = self._rows.get(key) or TriggerStatsRow(*key)
            changed[key] = TriggerStatsRow(
                *key,
                fired=before.fired + tally.fired,
                failed=before.failed + tally.failed,
                matched=before.matched + tally.matched,
                expired=before.expired + tally.expired,
                dropped=before.dropped + tally.dropped,
                last_fired=tally.last_fired or before.last_fired,
            )
        return changed

    def _of(self, service: str, trigger: str) -> Tally:
        key = service, trigger
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        return tally
