"""Opening connections: the pragmas, and what this version of SQLite must not be trusted with."""

from __future__ import annotations

import sqlite3

from ensue_adapters.sqlite.url import Place
from ensue_core.errors import StoreUnavailable

OLDEST = (3, 37, 0)
"""The first version with STRICT tables."""

RESET_BUG_FIXED = (3, 51, 3)
"""Before it, two connections that write or checkpoint at once may corrupt the file (the WAL-reset bug)."""

_STATEMENTS = 512


def check_version() -> None:
    """Raise `StoreUnavailable` where the linked SQLite is too old."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreUnavailable(
            f"this Python is linked with SQLite {sqlite3.sqlite_version}: version 3.37 or newer is needed, "
            "use another Python build"
        )


def connect_writer(place: Place) -> sqlite3.Connection:
    """Open the connection that writes; the caller holds the turn.

    Checkpoints are never automatic: the writer makes them, in its turn.
    """
    connection = _connect(place, "rwc")
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreUnavailable(
                f"{place.path} cannot use a write-ahead log here (journal mode {mode}): choose another disk"
            )
        connection.execute(
            "PRAGMA synchronous = NORMAL" if place.synchronous == "normal" else "PRAGMA synchronous = FULL"
        )
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -65536")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(place: Place) -> sqlite3.Connection:
    """Open a connection that only reads."""
    connection = _connect(place, "rw")
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def connect_archive(place: Place) -> sqlite3.Connection:
    """Open a connection that cannot write: SQLite itself refuses."""
    connection = _connect(place, "ro")
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA cache_size = -16384")
    return connection


def _connect(place: Place, mode: str) -> sqlite3.Connection:
    uri = f"{place.path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=place.busy_seconds,
        cached_statements=_STATEMENTS,
    )
