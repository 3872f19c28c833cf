"""One write transaction: gives drafts their places, stores them, and folds them into the decision views."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from ensue_adapters.sql.gathering import NOBODY, Lease, gather
from ensue_adapters.sql.placing import place_all, resolve, root_column, time_of
from ensue_adapters.sqlite.folding import Folding
from ensue_adapters.sqlite.pages import read_head
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.rows import Row, write_rows
from ensue_core.clock import Clock
from ensue_core.facts import FORMAT
from ensue_core.ports import Head
from ensue_core.records import Draft, Record
from ensue_projections.registers import Run


class Transaction:
    """What a job sees of the open transaction. For the writer's thread.

    `tells`: other processes wait for something in it that is no record.
    """

    def __init__(self, connection: sqlite3.Connection, places: Places, clock: Clock) -> None:
        self.connection = connection
        self.places = places
        self.namespace = places.namespace
        self.clock = clock
        self.records: list[Record] = []
        self.size = 0
        self.tells = False
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

    def stand(self, runs: Sequence[Run]) -> None:
        """Store what was judged elsewhere and fold it: its places and times were decided there.

        Raises `sqlite3.IntegrityError` where an id stands already.
        """
        if not runs:
            return
        bytes_of, rows = bytes.fromhex, list[Row]()
        for run in runs:
            rows += [
                (
                    self.places.of(record.position),
                    bytes_of(each.id),
                    record.time,
                    type(each.fact).__name__,
                    FORMAT,
                    each.cause,
                    root_column(each),
                    each.data,
                )
                for each, record in zip(run.drafts, run.records, strict=True)
            ]
            self.size += sum([len(each.data) for each in run.drafts])
        write_rows(self.connection, "log/append", rows)
        folding = Folding(self.connection, self.namespace)
        for run in runs:
            folding.fold(gather(run.records, Lease(run.worker, run.until)))
            self.records += run.records
        last = runs[-1].records[-1]
        self._head = Head(last.position, last.time)

    def mark(self) -> tuple[Head | None, int]:
        """Return what `back` needs to undo in memory what a savepoint undoes in the file."""
        return self._head, len(self.records)

    def back(self, mark: tuple[Head | None, int]) -> None:
        """Forget what was appended since the mark."""
        self._head, count = mark
        del self.records[count:]

    def _insert(self, drafts: Sequence[Draft], position: int, time: int) -> None:
        place, bytes_of = self.places.of(position), bytes.fromhex
        rows: list[Row] = [
            (
                place + n,
                bytes_of(each.id),
                time,
                type(each.fact).__name__,
                FORMAT,
                each.cause,
                root_column(each),
                each.data,
            )
            for n, each in enumerate(drafts)
        ]
        self.size += sum([len(each.data) for each in drafts])
        if len(rows) == 1:
            write_rows(self.connection, "log/append", rows)
            return
        self.connection.execute("SAVEPOINT insertion")
        try:
            write_rows(self.connection, "log/append", rows)
        except sqlite3.Error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK TO insertion")
            raise
        finally:
            if self.connection.in_transaction:
                self.connection.execute("RELEASE insertion")
