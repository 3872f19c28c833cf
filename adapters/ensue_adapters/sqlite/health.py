"""What `ensue doctor` says of a SQLite file."""

from __future__ import annotations

import sqlite3

from ensue_adapters.sqlite.connection import RESET_BUG_FIXED
from ensue_adapters.sqlite.pages import read_head
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.schema import VERSION, version
from ensue_adapters.sqlite.url import Place
from ensue_core.clock import Clock, iso
from ensue_core.defaults import SECOND
from ensue_core.ports import Health

_SKEW_SECONDS = 5.0
_WAL_BYTES_MAX = 256 * 1024 * 1024


def look(connection: sqlite3.Connection, place: Place, places: Places, clock: Clock, hint: bool) -> list[Health]:
    """Return the findings, in the order they are shown."""
    head = read_head(connection, places)
    return [
        Health("store", True, f"{place.path} can be read"),
        _schema(connection),
        _sqlite(),
        _journal(connection, place),
        _size(place),
        Health(
            "log",
            True,
            f"{head.position} records, the last one at {iso(head.time)}" if head.position else "empty",
        ),
        _clock(head.time, clock.now()),
        Health(
            "wake-up",
            True,
            "other processes are told at once" if hint else f"other processes look every {place.poll_seconds:g} s",
        ),
    ]


def _schema(connection: sqlite3.Connection) -> Health:
    found = version(connection)
    return Health("schema", found == VERSION, f"version {found}, this program knows {VERSION}")


def _sqlite() -> Health:
    if sqlite3.sqlite_version_info >= RESET_BUG_FIXED:
        return Health("sqlite", True, sqlite3.sqlite_version)
    return Health(
        "sqlite",
        True,
        f"{sqlite3.sqlite_version}, older than 3.51.3, has the WAL-reset bug: ensue's processes take turns "
        "and are safe, let no other program write to this file",
    )


def _journal(connection: sqlite3.Connection, place: Place) -> Health:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return Health("journal", mode == "wal", f"{mode}, synchronous={place.synchronous}")


def _size(place: Place) -> Health:
    wal = place.path.with_name(place.path.name + "-wal")
    waiting = wal.stat().st_size if wal.exists() else 0
    says = f"{place.path.stat().st_size / 1e6:.1f} MB, write-ahead log {waiting / 1e6:.1f} MB"
    if waiting > _WAL_BYTES_MAX:
        says += ": a reader that never ends keeps it from starting over, look for one"
    return Health("size", waiting <= _WAL_BYTES_MAX, says)


def _clock(last: int, now: int) -> Health:
    ahead = (last - now) / SECOND
    if ahead > _SKEW_SECONDS:
        return Health("clock", False, f"the log is {ahead:.1f} s ahead of this machine's clock: set the clock")
    return Health("clock", True, f"{iso(now)}, not behind the log")
