"""A namespace opened only to be read: what replays, verification and looking back are given.

By type: nothing here writes. An adapter adds what its database has against writing: a flag, a role.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, get_args

import msgspec

from ensue_core.generations import Generation
from ensue_core.ids import Id
from ensue_core.ports import Cursor, Head, RowTable
from ensue_core.records import Record
from ensue_core.rows import ChainRow, QueryRow, TimerRow, TopicRow, TriggerRow, WaitingRow, WorkRow

DecisionTable = Literal["chains", "triggers", "timers", "waiting", "work", "topics"]
"""The decision views."""

Table = RowTable | DecisionTable
"""Every view, by the name of its table."""

DecisionRow = ChainRow | TriggerRow | TimerRow | WaitingRow | WorkRow | TopicRow
"""A row of a decision view; a work row comes without its lease, which is soft state."""

QUERY_TABLES: tuple[RowTable, ...] = get_args(RowTable)
DECISION_TABLES: tuple[DecisionTable, ...] = get_args(DecisionTable)


class Page(msgspec.Struct, frozen=True, gc=False):
    """Records of the log in order, and the bytes of each one's fact as they are stored."""

    records: list[Record]
    data: list[bytes]


class Moment(Protocol):
    """The end of the log and every view, as they stood together at one moment."""

    head: Head
    cursor: Cursor | None
    """How far the query views had folded; None where they never have."""

    def rows(self, table: Table) -> AsyncIterator[Sequence[QueryRow | DecisionRow]]:
        """Yield a view's rows in pieces, in any order."""
        ...

    def values(self, table: RowTable) -> AsyncIterator[Iterable[tuple[Any, ...]]]:
        """Yield a query view's rows in pieces, in any order, each as its values in the order of its columns."""
        ...


class Archive(Protocol):
    """One namespace of one store, for reading alone.

    It takes no lease, appends nothing, makes nothing that is missing, and does not need the store to be open.
    """

    namespace: str

    async def open(self) -> None:
        """Connect. Raises `StoreUnavailable` where there is no such store or namespace."""
        ...

    async def close(self) -> None:
        """Let go. Repeating it does nothing."""
        ...

    async def head(self) -> Head:
        """Return the last position and its time."""
        ...

    async def page(self, after: int, limit: int) -> Page:
        """Return up to `limit` records past a position, as they are stored: gaps are not hidden.

        The end is where a page is empty. Raises `FormatTooNew`, and `StoreError` for a record that cannot be read.
        """
        ...

    async def read_at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions; missing ones are left out."""
        ...

    async def find(self, id: Id) -> Record | None:
        """Return the record with that id."""
        ...

    def moment(self, generation: Generation | None = None) -> AbstractAsyncContextManager[Moment]:
        """See everything as of one moment while the block runs: the live query views, or another generation's."""
        ...
