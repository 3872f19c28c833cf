"""The bare peers: what Python's sqlite3 does alone, with the same table, indexes and durability."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from uuid_utils import uuid7

SCHEMA = """
CREATE TABLE log (
    place INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause TEXT,
    root TEXT,
    data BLOB NOT NULL,
    namespace INTEGER GENERATED ALWAYS AS (place >> 40) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX log_id ON log (namespace, id);
"""
_INSERT = "INSERT INTO log (place, id, time, kind, version, cause, root, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DATA = b'{"fact":"EventEmitted","code":"ping","payload":{"n":%d}}'


class Bare:
    """A file with the log's table and indexes, written by one connection on the calling thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA cache_size = -65536")
        self._connection.executescript(SCHEMA)
        self._place = 0

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def commit_singles(self, count: int) -> list[float]:
        """Commit events one by one; return the seconds of each."""
        took: list[float] = []
        run = self._connection.execute
        for row in self._rows(count):
            began = time.perf_counter()
            run("BEGIN IMMEDIATE")
            run(_INSERT, row)
            run("COMMIT")
            took.append(time.perf_counter() - began)
        return took

    def commit_batch(self, count: int) -> float:
        """Commit events in one transaction; return the seconds, making the rows included."""
        began = time.perf_counter()
        rows = self._rows(count)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_INSERT, rows)
        self._connection.execute("COMMIT")
        return time.perf_counter() - began

    def _rows(self, count: int) -> list[tuple[object, ...]]:
        now = time.time_ns() // 1000
        first = self._place + 1
        self._place += count
        return [
            (place, uuid7().bytes, now, "EventEmitted", 1, None, None, _DATA % place)
            for place in range(first, first + count)
        ]


def commit_p50(folder: Path, count: int) -> float:
    """Return the median seconds of one bare commit."""
    bare = Bare(folder / "bare-commits.db")
    took = sorted(bare.commit_singles(count))
    bare.close()
    return took[len(took) // 2]
