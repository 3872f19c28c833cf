"""The records that this process has just committed, kept so that nothing is read back or decoded again.

Positions are dense, so an unbroken run of them is right whatever other processes do. For the event loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ensue_core.records import Record

RECORDS_MAX = 20_000
BYTES_MAX = 32 * 1024 * 1024


class Tail:
    """An unbroken run of the latest records, bounded in number and in bytes of what they say."""

    def __init__(self, records_max: int = RECORDS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._records: list[Record] = []
        self._first = 1
        self._batches: deque[tuple[int, int]] = deque()
        self._bytes = 0

    def extend(self, records: Sequence[Record], size: int) -> None:
        """Add what was committed, `size` bytes of facts; a gap (another process wrote) begins a new run."""
        if not records:
            return
        first = records[0].position
        if first != self._first + len(self._records):
            self._records = []
            self._first = first
            self._batches.clear()
            self._bytes = 0
        self._records += records
        self._batches.append((len(records), size))
        self._bytes += size
        if len(self._records) > self._records_max or self._bytes > self._bytes_max:
            self._shorten()

    def _shorten(self) -> None:
        """Drop the older half, so that this happens rarely."""
        dropped = 0
        while self._batches and (
            2 * (len(self._records) - dropped) > self._records_max or 2 * self._bytes > self._bytes_max
        ):
            count, size = self._batches.popleft()
            dropped += count
            self._bytes -= size
        del self._records[:dropped]
        self._first += dropped

    def after(self, position: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position: none where the run does not hold the next one."""
        start = position + 1 - self._first
        return self._records[start : start + limit] if start >= 0 else []

    def span(self) -> range:
        """Return the positions that the run holds."""
        return range(self._first, self._first + len(self._records))

    def at(self, position: int) -> Record | None:
        """Return the record at a position, if the run holds it."""
        place = position - self._first
        return self._records[place] if 0 <= place < len(self._records) else None
