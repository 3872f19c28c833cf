"""The SQL, by name: `sql("log/head")` is the statement in `sql/log/head.sql`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


@cache
def sql(name: str) -> str:
    """Return a statement without its comment."""
    return _without_comments((FOLDER / f"{name}.sql").read_text("utf-8"))


def schema(*names: str) -> list[str]:
    """Return the statements that make the schema, in order, or those of some of its files."""
    files = [FOLDER / "schema" / f"{name}.sql" for name in names] or sorted((FOLDER / "schema").glob("*.sql"))
    return [each for file in files for each in _split(_without_comments(file.read_text("utf-8")))]


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def _split(text: str) -> Iterator[str]:
    """Cut where SQLite says that a statement is complete (a trigger holds semicolons of its own)."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.rstrip().endswith(";") and sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines.clear()
