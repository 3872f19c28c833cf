"""The schedules view: each cron condition's last and next slot, and what was skipped."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ensue_core.declarations import OnCron
from ensue_core.facts import (
    CronTicked,
    ServiceResumed,
    TicksSkipped,
    TriggerDeclared,
    TriggerResumed,
    TriggerRetired,
)
from ensue_core.ports import RowKey
from ensue_core.records import Record
from ensue_core.rows import ScheduleRow


class ScheduleFold:
    """Folds one page; `rows` hold every schedule of a trigger that the page declares or retires."""

    def __init__(self, rows: Mapping[RowKey, ScheduleRow]) -> None:
        self._rows = rows
        self.changed: dict[RowKey, ScheduleRow] = {}

    def declared(self, record: Record, fact: TriggerDeclared) -> None:
        """Set a trigger's schedules; a condition that it has no longer has no next slot."""
        self._stop(fact.service, fact.trigger)
        for condition, each in fact.spec.conditions.items():
            if isinstance(each, OnCron):
                key = fact.service, fact.trigger, condition
                row = self._of(key) or ScheduleRow(*key, each.expression, each.timezone)
                self.changed[key] = replace(row, next=fact.timers.get(condition, 0))

    def retired(self, record: Record, fact: TriggerRetired) -> None:
        """Leave a trigger's schedules without a next slot."""
        self._stop(fact.service, fact.trigger)

    def resumed(self, record: Record, fact: TriggerResumed) -> None:
        """Set the next slots of a trigger."""
        self._set_next(fact.service, fact.trigger, fact.timers)

    def service_resumed(self, record: Record, fact: ServiceResumed) -> None:
        """Set the next slots of a service's triggers."""
        for trigger, timers in fact.timers.items():
            self._set_next(fact.service, trigger, timers)

    def ticked(self, record: Record, fact: CronTicked) -> None:
        """Move on by a slot that came due."""
        key = fact.service, fact.trigger, fact.condition
        row = self._of(key)
        if row is not None:
            self.changed[key] = replace(row, last=fact.slot, next=fact.next, ticks=row.ticks + 1)

    def skipped(self, record: Record, fact: TicksSkipped) -> None:
        """Move past slots that were dropped."""
        key = fact.service, fact.trigger, fact.condition
        row = self._of(key)
        if row is not None:
            self.changed[key] = replace(row, next=fact.next, skipped=row.skipped + fact.count)

    def _of(self, key: RowKey) -> ScheduleRow | None:
        return self.changed.get(key) or self._rows.get(key)

    def _stop(self, service: str, trigger: str) -> None:
        for key, row in {**self._rows, **self.changed}.items():
            if key[:2] == (service, trigger) and row.next:
                self.changed[key] = replace(row, next=0)

    def _set_next(self, service: str, trigger: str, timers: Mapping[str, int]) -> None:
        for condition, due in timers.items():
            row = self._of((service, trigger, condition))
            if row is not None:
                self.changed[service, trigger, condition] = replace(row, next=due)
