"""Reading records: what this process has committed or read of late comes from memory, the rest from the log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ensue_adapters.postgres.pages import bytes_of, page_rows, records_of, rows_at
from ensue_adapters.postgres.session import Session
from ensue_adapters.postgres.writer import Writer
from ensue_adapters.sql.recent import Recent
from ensue_core.records import Record


class Reader:
    """Reads one namespace's records."""

    def __init__(self, writer: Writer, recent: Recent) -> None:
        self._writer = writer
        self._recent = recent
        self._namespace = writer.space.number

    async def page(self, after: int, limit: int) -> tuple[Sequence[Record], bool]:
        """Return up to `limit` records past a position, and whether they were known already."""
        witness = self._writer.witness
        witness.refuse()
        known = self._recent.after(after, limit)
        if known:
            return known, True
        rows = await self._writer.read(lambda session: self._page(session, after, limit))
        records = records_of(rows)
        self._recent.read(records, bytes_of(rows))
        if records:
            witness.saw(records[-1].position, records[-1].id)
        return records, False

    def known(self, after: int, limit: int) -> Sequence[Record]:
        """Return records past a position that are in memory."""
        return self._recent.after(after, limit)

    async def _page(self, session: Session, after: int, limit: int) -> list[Any]:
        """Read a page; where old ranges were detached, the log goes on behind them."""
        rows = await page_rows(session, self._namespace, after, limit)
        if not rows and limit > 0 and after < self._writer.witness.reach:
            row = await session.row("log/next", namespace=self._namespace, after=max(after, 0))
            if row is not None:
                return await page_rows(session, self._namespace, row[0] - 1, limit)
            await session.end()  # it does not see what is there: the next one looks again
        return rows

    async def at(self, positions: Collection[int]) -> dict[int, Record]:
        """Return the records at some positions."""
        self._writer.witness.refuse()
        found: dict[int, Record] = {}
        missing: list[int] = []
        for position in positions:
            record = self._recent.at(position)
            if record is not None:
                found[position] = record
            else:
                missing.append(position)
        if missing:
            rows = await self._writer.read(lambda session: rows_at(session, self._namespace, missing))
            records = records_of(rows)
            self._recent.read(records, bytes_of(rows))
            found.update([(record.position, record) for record in records])
        return found
