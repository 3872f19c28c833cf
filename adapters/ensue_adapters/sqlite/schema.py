"""Makes the schema in a new file, and refuses files of another one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ensue_adapters.sqlite.statements import schema, sql
from ensue_core.errors import SchemaMismatch, StoreUnavailable

VERSION = 4
ADDED: dict[int, tuple[str, ...]] = {
    1: ("23_topics",),
    2: ("24_folds", "25_verdicts", "26_horizons"),
    3: ("27_polls",),
}
"""What each version lacks of the next one: files of `sql/schema`, each of which only adds a table or a column."""


def prepare(connection: sqlite3.Connection, path: Path, namespace: str) -> int:
    """Create what is missing and return the namespace's number; the caller holds the turn.

    Raises `SchemaMismatch` for a newer schema, `StoreUnavailable` for somebody else's database.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _create_or_check(connection, path)
        number = _number(connection, namespace)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return number


def _create_or_check(connection: sqlite3.Connection, path: Path) -> None:
    tables = {name for (name,) in connection.execute(sql("store/tables"))}
    if not tables:
        for statement in schema():
            connection.execute(statement)
        connection.execute(sql("store/set_version"), (str(VERSION),))
        return
    if "meta" in tables:
        _upgrade(connection)
    check(connection, path)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Add what a file of an older version lacks."""
    found = version(connection)
    while found in ADDED:
        for statement in schema(*ADDED[found]):
            connection.execute(statement)
        found += 1
        connection.execute(sql("store/set_version"), (str(found),))


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `SchemaMismatch` for another schema than ours, `StoreUnavailable` for somebody else's database."""
    tables = {name for (name,) in connection.execute(sql("store/tables"))}
    if not {"meta", "log", "namespaces"} <= tables:
        raise StoreUnavailable(f"{path} is another program's database: choose a file of its own for ensue")
    found = version(connection)
    if found < VERSION:
        raise SchemaMismatch(
            f"{path} has schema {found}, this version of ensue knows {VERSION}: open it once to upgrade it, as any "
            "command does that may write (`ensue events`)"
        )
    if found != VERSION:
        raise SchemaMismatch(
            f"{path} has schema {found}, this version of ensue knows {VERSION}: upgrade ensue, or open it "
            "with the version that wrote it"
        )


def version(connection: sqlite3.Connection) -> int:
    """Return the schema's version; 0 where it says none."""
    row = connection.execute(sql("store/version")).fetchone()
    return int(row[0]) if row else 0


def _number(connection: sqlite3.Connection, namespace: str) -> int:
    row = connection.execute(sql("store/namespace"), (namespace,)).fetchone()
    if row is not None:
        return int(row[0])
    return int(connection.execute(sql("store/add_namespace"), (namespace,)).lastrowid or 0)
