"""Keys of the log: a namespace's number in the high bits, the position in the low 40."""

from __future__ import annotations

BITS = 40
POSITION_MAX = (1 << BITS) - 1


class Places:
    """One namespace's range of the log's keys, or of those of a generation of its query views.

    `log` are those of the log.
    """

    __slots__ = ("first", "last", "log", "namespace")

    def __init__(self, namespace: int, log: Places | None = None) -> None:
        self.namespace = namespace
        self.log = log or self
        self.first = namespace << BITS
        self.last = self.first | POSITION_MAX

    def of(self, position: int) -> int:
        """Return the key of a position."""
        return self.first | position

    def position(self, place: int) -> int:
        """Return the position of a key."""
        return place & POSITION_MAX
