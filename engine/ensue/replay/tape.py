"""Reading the log forward up to given positions, page by page, and no record twice unless it is asked for again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ensue_core.archive import Archive
from ensue_core.records import Record

PAGE = 2_000


class Tape:
    """A place in the log that moves on. Holds one page."""

    def __init__(self, archive: Archive, after: int) -> None:
        self._archive = archive
        self.position = after
        """The last record that was passed."""
        self._page: list[Record] = []

    async def upto(self, position: int, *, part: bool = False) -> AsyncIterator[list[Record]]:
        """Yield the records from here up to a position, in pieces; with `part` the one after it, without passing it.

        Yields at least once, an empty list where there are none.
        """
        while True:
            if not self._page or self._page[-1].position <= self.position:
                self._page = (await self._archive.page(self.position, PAGE)).records
            found = [each for each in self._page if self.position < each.position <= position]
            more = self._page[-1].position if self._page else position
            self.position = max(self.position, min(position, more))
            done = not self._page or more >= position
            if done and part:
                found += await self._next(position + 1)
            yield found
            if done:
                self.position = max(self.position, position)
                return

    def skip(self, position: int) -> None:
        """Pass what comes up to a position."""
        self.position = max(self.position, position)

    async def _next(self, position: int) -> list[Record]:
        """Return the record at a position, wherever the page ends."""
        record = (await self._archive.read_at([position])).get(position)
        return [] if record is None else [record]
