"""What `connection=` takes, as types: shapes that the libraries' own classes have, so that none needs importing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

__all__ = ["AsyncCaller", "SyncCaller"]


class _Asyncpg(Protocol):
    """An asyncpg `Connection`, or what its pool lends."""

    def is_in_transaction(self) -> bool: ...

    def is_closed(self) -> bool: ...


class _AsyncSQLAlchemy(Protocol):
    """A SQLAlchemy `AsyncConnection` or `AsyncSession`."""

    def in_transaction(self) -> bool: ...

    @property
    def run_sync(self) -> Callable[..., Awaitable[Any]]: ...


class _AsyncPsycopg(Protocol):
    """A psycopg `AsyncConnection`."""

    @property
    def pgconn(self) -> Any: ...

    def commit(self) -> Awaitable[None]: ...


class _SQLAlchemy(Protocol):
    """A SQLAlchemy `Connection` or `Session`."""

    def in_transaction(self) -> bool: ...

    def commit(self) -> None: ...


class _Psycopg(Protocol):
    """A psycopg `Connection`."""

    @property
    def pgconn(self) -> Any: ...

    def commit(self) -> None: ...


class _Scoped(Protocol):
    """A SQLAlchemy `scoped_session`, as Flask has one."""

    @property
    def registry(self) -> Any: ...

    def __call__(self, **options: Any) -> _SQLAlchemy: ...


AsyncCaller = _Asyncpg | _AsyncSQLAlchemy | _AsyncPsycopg
"""A connection or session of the caller's that is awaited, with an open transaction: asyncpg, SQLAlchemy, psycopg."""

SyncCaller = _SQLAlchemy | _Scoped | _Psycopg
"""A connection or session of the caller's that blocks, with an open transaction: SQLAlchemy, psycopg."""
