"""Reading the log: a page comes as one JSON text and is decoded in one call.

Row by row, Python's interpreter lock would change hands at each row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from itertools import starmap

import msgspec

from ensue_adapters.sqlite.places import POSITION_MAX, Places
from ensue_adapters.sqlite.statements import sql
from ensue_core.errors import FormatTooNew, StoreError
from ensue_core.facts import FORMAT, AnyFact, decode_fact
from ensue_core.ids import Id
from ensue_core.ports import Head
from ensue_core.records import Record

PAGE_BYTES_MAX = 32 * 1024 * 1024
_page = msgspec.json.Decoder(list[tuple[int, Id, int, AnyFact, str | None, str | None, int]])


def read_page(connection: sqlite3.Connection, places: Places, after: int, limit: int) -> list[Record]:
    """Return up to `limit` records past a position, fewer where they are very large."""
    start = places.of(max(after, 0))
    bounds = (start, places.last, limit)
    found, fitting = connection.execute(sql("log/page_size"), (*bounds, PAGE_BYTES_MAX)).fetchone()
    if found == 0:
        return []
    bounds = (start, places.last, max(fitting, 1))
    version, page = connection.execute(sql("log/page"), bounds).fetchone()
    if version <= FORMAT:
        try:
            return list(starmap(Record, _page.decode(page)))
        except msgspec.DecodeError:
            pass
    return _one_by_one(connection, bounds)


def read_at(connection: sqlite3.Connection, places: Places, positions: Collection[int]) -> dict[int, Record]:
    """Return the records at some positions."""
    wanted = [each for each in positions if 0 < each <= POSITION_MAX]
    version, page = connection.execute(sql("log/at"), (places.first, msgspec.json.encode(wanted).decode())).fetchone()
    if page is None:
        return {}
    if version <= FORMAT:
        try:
            return {row[0]: Record(*row) for row in _page.decode(page)}
        except msgspec.DecodeError:
            pass
    found: dict[int, Record] = {}
    for each in wanted:
        for record in _one_by_one(connection, (places.of(each) - 1, places.of(each), 1)):
            found[each] = record
    return found


def read_head(connection: sqlite3.Connection, places: Places) -> Head:
    """Return the namespace's last position and its time."""
    row = connection.execute(sql("log/head"), (places.first, places.last)).fetchone()
    return Head(0, 0) if row is None else Head(places.position(row[0]), row[1])


def _one_by_one(connection: sqlite3.Connection, bounds: tuple[int, int, int]) -> list[Record]:
    """Decode a page that did not decode as a whole; raises an error that names the record."""
    records: list[Record] = []
    for position, id, time, kind, version, data, cause, root in connection.execute(sql("log/rows"), bounds):
        try:
            fact = decode_fact(data, kind, version)
        except FormatTooNew:
            raise
        except msgspec.MsgspecError as error:
            raise StoreError(
                f"record {position} ({kind} {id}) cannot be read ({error}): it was written by another "
                "version or damaged, upgrade ensue or restore a backup"
            ) from error
        records.append(Record(position, Id(id), time, fact, cause, root, version))
    return records
