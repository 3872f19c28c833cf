"""Looking whether the head has moved."""

from __future__ import annotations

import sqlite3

from ensue_adapters.sqlite.pages import read_head
from ensue_adapters.sqlite.places import Places
from ensue_adapters.sqlite.reader import Reader


class Look:
    """Reads the head where the file has changed since the last look."""

    def __init__(self, reader: Reader, places: Places) -> None:
        self._reader = reader
        self._places = places
        self._data_version = -1

    async def __call__(self) -> int:
        """Return the head's position, 0 where nothing was committed."""
        return await self._reader.run(self._head_if_changed)

    def _head_if_changed(self, connection: sqlite3.Connection) -> int:
        """On the reader's thread: the data version costs 4 microseconds and moves with any commit."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._data_version:
            return 0
        self._data_version = version
        return read_head(connection, self._places).position
