"""The records that this process has committed or read of late, whoever wrote them: read and decoded once.

A record never changes, so any of them is right for ever. For the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from ensue_adapters.sql.tail import Tail
from ensue_core.records import Record

RECORDS_MAX = 10_000
BYTES_MAX = 16 * 1024 * 1024


class Recent:
    """The unbroken run of what was committed here last, and, by position, up to twice as many as the bounds say."""

    def __init__(self, records_max: int = RECORDS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._tail = Tail()
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._young: dict[int, Record] = {}
        self._old: dict[int, Record] = {}
        self._bytes = 0

    def committed(self, records: Sequence[Record], size: int) -> None:
        """Add what was committed here, `size` bytes of facts."""
        self._tail.extend(records, size)
        self.read(records, size)

    def read(self, records: Sequence[Record], size: int) -> None:
        """Add what was read; the older half makes room."""
        if len(self._young) + len(records) > self._records_max or self._bytes + size > self._bytes_max:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._bytes += size
        self._young.update([(record.position, record) for record in records])

    def after(self, position: int, limit: int) -> Sequence[Record]:
        """Return up to `limit` records past a position, without a gap: none where the next one is not known."""
        run = self._tail.after(position, limit)
        if run:
            return run
        found: list[Record] = []
        while len(found) < limit:
            position += 1
            record = self._young.get(position) or self._old.get(position)
            if record is None:
                break
            found.append(record)
        return found

    def at(self, position: int) -> Record | None:
        """Return the record at a position, if it is known."""
        return self._young.get(position) or self._old.get(position) or self._tail.at(position)
