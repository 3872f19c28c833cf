"""The records that this process has just committed, kept so that nothing is read back or decoded again.

Positions are dense, so an unbroken run of them is right whatever other processes do. For the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from ensue_core.records import Record

RECORDS_MAX = 20_000
BYTES_MAX = 16 * 1024 * 1024
_ASSUMED_BYTES = 400


class Tail:
    """An unbroken run of the latest records."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self._records_max = records_max
        self._records: list[Record] = []
        self._first = 1

    def extend(self, records: Sequence[Record]) -> None:
        """Add what was committed; a gap (another process wrote) begins a new run."""
        if not records:
            return
        first = records[0].position
        if first != self._first + len(self._records):
            self._records = []
            self._first = first
        self._records += records
        if len(self._records) > 2 * self._records_max:
            drop = len(self._records) - self._records_max
            del self._records[:drop]
            self._first += drop

    def after(self, position: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position: none where the run does not hold the next one."""
        start = position + 1 - self._first
        return self._records[start : start + limit] if start >= 0 else []

    def at(self, position: int) -> Record | None:
        """Return the record at a position, if the run holds it."""
        place = position - self._first
        return self._records[place] if 0 <= place < len(self._records) else None
