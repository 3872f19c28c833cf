"""When the write-ahead log is copied back into the file: in small portions, so that no commit waits long.

The writer makes all checkpoints itself, in its turn: versions of SQLite with the WAL-reset bug must not have
two connections at that work.
"""

from __future__ import annotations

import sqlite3

PAGES_MAX = 4000
"""Pages after which a checkpoint is made even under load."""

PAGES_WORTH = 64
"""Pages below which an idle writer leaves the file alone: heartbeats alone need no checkpoint."""

PAGES_RESET = 16_000
"""Pages after which the writer waits for readers, so that the log starts over and does not grow for ever."""

IDLE_SECONDS = 0.25
RESET_SECONDS = 0.1
_PAGES_PER_COMMIT = 2
_ROWS_PER_PAGE = 8


class Checkpoints:
    """Estimates how many pages wait, and copies them."""

    def __init__(self, busy_seconds: float) -> None:
        self._busy_seconds = busy_seconds
        self._pages: int = 0
        self._changes: int = 0
        self._reset_at = PAGES_RESET

    @property
    def patience(self) -> float | None:
        """How long an idle writer waits before it checkpoints; None: for ever."""
        return IDLE_SECONDS if self._pages >= PAGES_WORTH else None

    @property
    def due(self) -> bool:
        """Whether it is time even under load."""
        return self._pages >= PAGES_MAX

    def wrote(self, connection: sqlite3.Connection) -> None:
        """Count what a transaction wrote, roughly: SQLite tells rows, not pages."""
        changes: int = connection.total_changes
        if changes != self._changes:
            self._pages += _PAGES_PER_COMMIT + (changes - self._changes) // _ROWS_PER_PAGE
            self._changes = changes

    def run(self, connection: sqlite3.Connection) -> None:
        """Copy what waits; the caller holds the turn."""
        self._pages = 0
        pages = _pages(connection, "PRAGMA wal_checkpoint(PASSIVE)")
        if pages < self._reset_at:
            self._reset_at = PAGES_RESET
            return
        connection.execute(f"PRAGMA busy_timeout = {round(RESET_SECONDS * 1000)}")
        try:
            _pages(connection, "PRAGMA wal_checkpoint(RESTART)")
            self._reset_at = 2 * pages  # where a reader stays in the way, wait longer for the next try
        finally:
            connection.execute(f"PRAGMA busy_timeout = {round(self._busy_seconds * 1000)}")


def _pages(connection: sqlite3.Connection, checkpoint: str) -> int:
    """Make a checkpoint; return how many pages the write-ahead log holds."""
    row: tuple[int, int, int] = connection.execute(checkpoint).fetchone()
    return row[1]
