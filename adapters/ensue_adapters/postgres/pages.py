"""Reading the log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from ensue_adapters.postgres.session import Session
from ensue_core.archive import Page
from ensue_core.errors import StoreError
from ensue_core.facts import FORMAT, decode_fact
from ensue_core.ids import Id
from ensue_core.ports import Head
from ensue_core.records import Record

PAGE_BYTES_MAX = 32 * 1024 * 1024
SHORT = 32
"""Records that may all be as large as a record can be."""

POSITION_MAX = (1 << 62) - 1


async def page_rows(session: Session, namespace: int, after: int, limit: int) -> list[Any]:
    """Return the rows of up to `limit` records past a position, fewer where they are very large."""
    after = max(after, 0)
    name = "log/short_page" if limit <= SHORT else "log/page"
    last = min(after + max(limit, 0), POSITION_MAX)
    return await session.rows(name, namespace=namespace, after=after, last=last, bytes=PAGE_BYTES_MAX)


async def rows_at(session: Session, namespace: int, positions: Collection[int]) -> list[Any]:
    """Return the rows of the records at some positions."""
    wanted = [each for each in positions if 0 < each <= POSITION_MAX]
    return await session.rows("log/at", namespace=namespace, positions=wanted) if wanted else []


async def read_page(session: Session, namespace: int, after: int, limit: int) -> list[Record]:
    """Return up to `limit` records past a position, fewer where they are very large."""
    return records_of(await page_rows(session, namespace, after, limit))


async def stored_page(session: Session, namespace: int, after: int, limit: int) -> Page:
    """Return up to `limit` records past a position with their facts' bytes, also where positions are missing."""
    after = max(after, 0)
    values = {"namespace": namespace, "after": after, "limit": max(limit, 0), "bytes": PAGE_BYTES_MAX}
    rows = await session.rows("log/stored", **values)
    return Page(records_of(rows), [row[3] for row in rows])


async def read_at(session: Session, namespace: int, positions: Collection[int]) -> dict[int, Record]:
    """Return the records at some positions."""
    rows = await rows_at(session, namespace, positions)
    return {record.position: record for record in records_of(rows)}


async def read_head(session: Session, namespace: int) -> Head:
    """Return the namespace's last position and its time."""
    row = await session.row("log/head", namespace=namespace)
    return Head(0, 0) if row is None else Head(row[0], row[1])


async def positions_of(session: Session, namespace: int, ids: Sequence[Id]) -> dict[Id, int]:
    """Return where records with some ids stand; missing ones are left out."""
    if not ids:
        return {}
    rows = await session.rows("log/positions_of", namespace=namespace, ids=ids)
    return {row[0]: row[1] for row in rows}


def records_of(rows: Iterable[Any]) -> list[Record]:
    """Decode rows; raises an error that names the record where one cannot be read."""
    records: list[Record] = []
    for position, id, time, data, cause, root, version in rows:
        try:
            fact = decode_fact(data) if version <= FORMAT else decode_fact(data, _kind(data), version)
        except msgspec.MsgspecError as error:
            raise StoreError(
                f"record {position} ({_kind(data)} {id}) cannot be read ({error}): it was written by another version "
                "or damaged, upgrade ensue or restore a backup"
            ) from error
        records.append(Record(position, id, time, fact, cause, root or id, version))
    return records


def bytes_of(rows: Iterable[Any]) -> int:
    """Return how many bytes the facts of some rows have."""
    return sum([len(row[3]) for row in rows])


class _Tag(msgspec.Struct):
    fact: str = "a record"


def _kind(data: bytes) -> str:
    try:
        return msgspec.json.decode(data, type=_Tag).fact
    except msgspec.MsgspecError:
        return "a record"
