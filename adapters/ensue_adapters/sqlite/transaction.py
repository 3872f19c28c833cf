"""One write transaction: gives drafts their places, stores them, and folds them into the decision views."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from ensue_adapters.sql.gathering import NOBODY, Lease, gather
from ensue_adapters.sql.placing import place_all, resolve, root_column, time_of
from ensue_adapters.sqlite.folding import Folding
from ensue_adapters.sqlite.pages import read_head
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.statements import sql
from ensue_core.clock import Clock
from ensue_core.facts import FORMAT
from ensue_core.ports import Head
from ensue_core.records import Draft, Record

_ROWS_MAX = 2_000
_BYTES_MAX = 32 * 1024 * 1024


class Transaction:
    """What a job sees of the open transaction. For the writer's thread."""

    def __init__(self, connection: sqlite3.Connection, places: Places, clock: Clock) -> None:
        self.connection = connection
        self.places = places
        self.namespace = places.namespace
        self.clock = clock
        self.records: list[Record] = []
        self.size = 0
        self._head: Head | None = None

    def head(self) -> Head:
        """Return the last position and time, read once a transaction: the lock keeps others out."""
        if self._head is None:
            self._head = read_head(self.connection, self.places)
        return self._head

    def append(self, drafts: Sequence[Draft], *, floor: int = 0, lease: Lease = NOBODY) -> list[Record]:
        """Store drafts that are new, in order, and fold them.

        Log time is at least `floor`. Raises `sqlite3.IntegrityError` where an id stands already; nothing of
        the drafts is stored then.
        """
        if not drafts:
            return []
        head = self.head()
        time = time_of(self.clock.now(), head, floor)
        drafts = resolve(drafts, head.position)
        self._insert(drafts, head.position + 1, time)
        records = place_all(drafts, head.position, time)
        self._head = Head(records[-1].position, time)
        Folding(self.connection, self.namespace).fold(gather(records, lease))
        self.records += records
        return records

    def mark(self) -> tuple[Head | None, int]:
        """Return what `back` needs to undo in memory what a savepoint undoes in the file."""
        return self._head, len(self.records)

    def back(self, mark: tuple[Head | None, int]) -> None:
        """Forget what was appended since the mark."""
        self._head, count = mark
        del self.records[count:]

    def _insert(self, drafts: Sequence[Draft], position: int, time: int) -> None:
        if len(drafts) == 1:
            one = drafts[0]
            self.size += len(one.data)
            values = (
                self.places.of(position),
                bytes.fromhex(one.id),
                time,
                type(one.fact).__name__,
                FORMAT,
                one.cause,
                root_column(one),
                one.data,
            )
            self.connection.execute(sql("log/append_one"), values)
            return
        start = 0
        parts = list(_parts(drafts))
        if len(parts) > 1:
            self.connection.execute("SAVEPOINT insertion")
        try:
            for part in parts:
                self._insert_part(part, position + start, time)
                start += len(part)
        except sqlite3.Error:
            if len(parts) > 1 and self.connection.in_transaction:
                self.connection.execute("ROLLBACK TO insertion")
            raise
        finally:
            if len(parts) > 1 and self.connection.in_transaction:
                self.connection.execute("RELEASE insertion")

    def _insert_part(self, drafts: Sequence[Draft], position: int, time: int) -> None:
        rows: list[tuple[str, str | None, str | None, int, int]] = []
        offset = 1
        for each in drafts:
            length = len(each.data)
            rows.append((type(each.fact).__name__, each.cause, root_column(each), offset, length))
            offset += length
        self.size += offset
        values = (
            self.places.of(position),
            bytes.fromhex("".join([each.id for each in drafts])),
            time,
            FORMAT,
            b"".join([each.data for each in drafts]),
            msgspec.json.encode(rows).decode(),
        )
        self.connection.execute(sql("log/append_many"), values)


def _parts(drafts: Sequence[Draft]) -> list[Sequence[Draft]]:
    """Cut drafts into what one statement can take: almost always all of them."""
    if len(drafts) <= _ROWS_MAX and sum([len(each.data) for each in drafts]) <= _BYTES_MAX:
        return [drafts]
    parts: list[Sequence[Draft]] = []
    start = size = 0
    for index, each in enumerate(drafts):
        if index > start and (index - start >= _ROWS_MAX or size + len(each.data) > _BYTES_MAX):
            parts.append(drafts[start:index])
            start, size = index, 0
        size += len(each.data)
    parts.append(drafts[start:])
    return parts
