"""What SQLite and the file system complain of, as one sentence each: what, where, what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from ensue_core.errors import StoreError, StoreUnavailable


def translate(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    """Return the error that the user sees; raise it `from` the original."""
    if isinstance(error, OSError):
        return _of_file(error, path)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return locked(path)
        case sqlite3.SQLITE_READONLY:
            return StoreUnavailable(
                f"{path} or its directory is read-only: give this user the right to write both, or choose another URL"
            )
        case sqlite3.SQLITE_FULL:
            return StoreUnavailable(
                f"no room to write {path} (disk full, or a quota): nothing was stored, free some space and try again"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StoreUnavailable(
                f"{path} cannot be opened: check that its directory exists and that this user may read and write there"
            )
        case sqlite3.SQLITE_NOTADB:
            return StoreUnavailable(f"{path} is not a SQLite database: choose another file, or move this one away")
        case sqlite3.SQLITE_CORRUPT:
            return StoreUnavailable(
                f"{path} is damaged ({error}): stop all programs that use it and restore a backup, "
                "or salvage it with `sqlite3 FILE .recover`"
            )
        case sqlite3.SQLITE_IOERR:
            return StoreUnavailable(f"reading or writing {path} failed ({error}): check the disk")
        case sqlite3.SQLITE_TOOBIG:
            return StoreError(f"a value is too large for {path} ({error}): store it elsewhere and pass a reference")
        case _:
            return StoreError(f"{path}: {error}")


def locked(path: Path) -> StoreUnavailable:
    """Somebody else holds the file for too long."""
    return StoreUnavailable(
        f"{path} stayed locked by another program: nothing was stored, look for a hanging process or an open "
        "transaction (`fuser` names them) and try again"
    )


def _of_file(error: OSError, path: Path) -> StoreUnavailable:
    match error:
        case FileNotFoundError():
            return StoreUnavailable(f"directory {path.parent} does not exist: create it or correct the URL")
        case NotADirectoryError():
            return StoreUnavailable(f"{path.parent} is not a directory: correct the URL")
        case PermissionError() | OSError(errno=errno.EROFS):
            return StoreUnavailable(f"this user may not write {path} or beside it: change its rights or the URL")
        case _:
            return StoreUnavailable(f"{path} cannot be used ({error}): check the disk and the URL")
