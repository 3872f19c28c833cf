"""When the write-ahead log is copied back into the file: in small portions, so that no commit waits long.

The writer makes all checkpoints itself, in its turn: versions of SQLite with the WAL-reset bug must not have
two connections at that work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ensue_core.records import Record

PAGES_MAX = 1_000
"""Pages after which a checkpoint is made even under load."""

PAGES_WORTH = 64
"""Pages below which an idle writer leaves the file alone: heartbeats alone need no checkpoint."""

PAGES_RESET = 16_000
"""Pages after which the writer waits for readers, so that the log starts over and does not grow for ever."""

IDLE_SECONDS = 0.25
_PAGES_PER_JOB = 3
_RECORDS_PER_PAGE = 6


class Checkpoints:
    """Estimates how many pages wait, and copies them."""

    def __init__(self) -> None:
        self._pages = 0

    @property
    def patience(self) -> float | None:
        """How long an idle writer waits before it checkpoints; None: for ever."""
        return IDLE_SECONDS if self._pages >= PAGES_WORTH else None

    @property
    def due(self) -> bool:
        """Whether it is time even under load."""
        return self._pages >= PAGES_MAX

    def wrote(self, records: Sequence[Record], jobs: int) -> None:
        """Count what a transaction wrote, roughly."""
        self._pages += _PAGES_PER_JOB * min(jobs, 4) + len(records) // _RECORDS_PER_PAGE

    def run(self, connection: sqlite3.Connection) -> None:
        """Copy what waits; the caller holds the turn."""
        self._pages = 0
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages > PAGES_RESET:
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
