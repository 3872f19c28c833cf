"""Many rows in few statements.

`executemany` steps through SQLite once a row and lets go of Python's interpreter lock each time; beside a
busy event loop it was measured at 300 rows/s where one statement with many rows does 100,000. So a statement
that writes rows has its one row of placeholders repeated: the only thing about SQL that Python makes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain

from ensue_adapters.sqlite.statements import sql

SIZES = (*range(512, 0, -64), *range(56, 0, -8), *range(7, 0, -1))
"""Rows a statement, largest first: few prepared statements serve every number of rows, three at most up to 512."""

Row = tuple[object, ...]


def write_rows(connection: sqlite3.Connection, name: str, rows: Sequence[Row]) -> None:
    """Run a statement for all rows."""
    start, count = 0, len(rows)
    for size in SIZES:
        while count - start >= size:
            values = tuple(chain.from_iterable(rows[start : start + size]))
            connection.execute(_repeated(name, size), values)
            start += size


@cache
def _repeated(name: str, times: int) -> str:
    """Repeat the statement's row of placeholders."""
    head, row, tail = _parts(sql(name))
    return head + ", ".join([row] * times) + tail


def _parts(text: str) -> tuple[str, str, str]:
    start = text.index("VALUES (") + len("VALUES ")
    end = text.index(")", start) + 1
    return text[:start], text[start:end], text[end:]
