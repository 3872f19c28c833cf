"""Connections of the store's users: told apart by their classes' names, so that no library has to be there.

Each runs one statement inside the transaction that its owner has open, and neither begins nor ends one.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from ensue_adapters.postgres.statements import Statement
from ensue_core.errors import BadConnection

Library = Literal["asyncpg", "sqlalchemy", "psycopg"]

_KNOWN: dict[str, tuple[Library, bool]] = {
    "asyncpg.Connection": ("asyncpg", True),
    "asyncpg.PoolConnectionProxy": ("asyncpg", True),
    "sqlalchemy.AsyncConnection": ("sqlalchemy", True),
    "sqlalchemy.AsyncSession": ("sqlalchemy", True),
    "sqlalchemy.Connection": ("sqlalchemy", False),
    "sqlalchemy.Session": ("sqlalchemy", False),
    "psycopg.AsyncConnection": ("psycopg", True),
    "psycopg.Connection": ("psycopg", False),
}
"""Package and class of each kind; whether it is awaited."""

_SCOPED = {"sqlalchemy.async_scoped_session", "sqlalchemy.scoped_session"}
_NUMBER = re.compile(r"\$(\d+)")

NO_TRANSACTION = (
    "the connection is not in a transaction, so there is no commit to wait for: open one around this call, or leave "
    "connection= out"
)
CLOSED = "the connection is closed: give one that is open, with a transaction, or leave connection= out"
ABORTED = (
    "the connection's transaction has failed before and takes nothing more: roll it back, and emit in the next one"
)


class Caller(NamedTuple):
    """A connection, its library, and whether it is awaited."""

    connection: Any
    library: Library
    awaited: bool


def recognise(connection: Any, *, awaited: bool) -> Caller:
    """Return what is known of a connection. Raises `BadConnection` for one that cannot be used in this way."""
    names = _names(connection)
    if names & _SCOPED:
        connection = connection()
        names = _names(connection)
    known = next((_KNOWN[name] for name in names if name in _KNOWN), None)
    if known is None:
        takes = (
            "an asyncpg Connection, a SQLAlchemy AsyncSession or AsyncConnection, or a psycopg AsyncConnection"
            if awaited
            else "a SQLAlchemy Session or Connection, or a psycopg Connection"
        )
        raise BadConnection(f"connection= takes {takes}, and this is a {_class_of(connection)}")
    caller = Caller(connection, *known)
    if caller.awaited != awaited:
        kind, use = ("awaited", "await engine.emit(...)") if caller.awaited else ("blocking", "engine.sync.emit(...)")
        raise BadConnection(
            f"this {type(connection).__name__} of {caller.library} is {kind}: use {use}, or submit, for it"
        )
    return caller


async def run(caller: Caller, statement: Statement, values: dict[str, str]) -> Any:
    """Run a statement in the open transaction and return the value it answers with."""
    connection = caller.connection
    match caller.library:
        case "asyncpg":
            if connection.is_closed():
                raise BadConnection(CLOSED)
            if not connection.is_in_transaction():
                raise BadConnection(NO_TRANSACTION)
            return await connection.fetchval(statement.text, *[values[name] for name in statement.names])
        case "sqlalchemy":
            return await connection.run_sync(_by_sqlalchemy, statement, values)
        case "psycopg":
            _check_psycopg(connection)
            async with connection.cursor(row_factory=_plain_rows()) as cursor:
                await cursor.execute(_formatted(statement), values)
                return (await cursor.fetchone())[0]


def run_blocking(caller: Caller, statement: Statement, values: dict[str, str]) -> Any:
    """The same, on a connection that blocks."""
    if caller.library == "sqlalchemy":
        return _by_sqlalchemy(caller.connection, statement, values)
    connection = caller.connection
    _check_psycopg(connection)
    with connection.cursor(row_factory=_plain_rows()) as cursor:
        cursor.execute(_formatted(statement), values)
        return cursor.fetchone()[0]


def _by_sqlalchemy(owner: Any, statement: Statement, values: dict[str, str]) -> Any:
    """Run it on a `Session` or `Connection`, as itself or as the inside of an awaited one."""
    from sqlalchemy import text

    is_session = "sqlalchemy.Session" in _names(owner)
    if not is_session and owner.closed:
        raise BadConnection(CLOSED)
    if not owner.in_transaction():
        raise BadConnection(NO_TRANSACTION)
    connection = owner.connection() if is_session else owner
    if connection.dialect.name != "postgresql":
        raise BadConnection(
            f"the connection leads to a {connection.dialect.name} database: give one to the Postgres database of the "
            "engine, or leave connection= out"
        )
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        raise BadConnection(NO_TRANSACTION)
    named = _NUMBER.sub(lambda match: f":{statement.names[int(match[1]) - 1]}", statement.text)
    return connection.execute(text(named), values).scalar_one()


def _check_psycopg(connection: Any) -> None:
    if connection.closed:
        raise BadConnection(CLOSED)
    match connection.info.transaction_status.name:
        case "IDLE":
            raise BadConnection(NO_TRANSACTION)
        case "INERROR":
            raise BadConnection(ABORTED)
        case _:
            pass


def _plain_rows() -> Any:
    """Rows as tuples, whatever the connection makes of them."""
    from psycopg.rows import tuple_row

    return tuple_row


def _formatted(statement: Statement) -> str:
    return _NUMBER.sub(lambda match: f"%({statement.names[int(match[1]) - 1]})s", statement.text)


def _class_of(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _names(value: Any) -> set[str]:
    """The classes of a value as package and name; a proxy that claims its target's class counts as that."""
    return {f"{each.__module__.partition('.')[0]}.{each.__name__}" for each in value.__class__.__mro__}
