"""What deciding reads beside its plan. A `Store` offers it, and so does recorded history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from ensue_core.records import Record
from ensue_core.rows import ScheduleRow


class ReadsAt(Protocol):
    """The part of a log that is needed."""

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions."""
        ...


class ReadsSchedules(Protocol):
    """The part of the views that is needed."""

    async def schedules(self) -> Sequence[ScheduleRow]:
        """Return each cron condition's schedule."""
        ...


class Sources(Protocol):
    """Records far back, and when schedules last ticked."""

    @property
    def namespace(self) -> str:
        """The namespace."""
        ...

    @property
    def log(self) -> ReadsAt:
        """Records by position."""
        ...

    @property
    def views(self) -> ReadsSchedules:
        """The schedules."""
        ...
