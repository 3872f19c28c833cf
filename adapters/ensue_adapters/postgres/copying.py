"""Rows as COPY takes them in binary: the cheapest way into a table, for client and server alike.

A field is its length and its bytes, -1 for NULL; a row is the number of its fields and they themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from itertools import chain, repeat
from struct import Struct
from typing import Any

import msgspec

from ensue_adapters.postgres.texts import to_stored

ROWS_MAX = 500
"""Rows that are packed before others have the event loop."""

_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_UUID = b"\0\0\0\x10"

_count = Struct(">h").pack
_length = Struct(">i").pack
_bigint = Struct(">iq").pack
_integer = Struct(">ii").pack


class Column(msgspec.Struct, frozen=True):
    """A column's name, and what packs its values."""

    name: str
    pack: Callable[[Iterable[Any]], list[bytes]]


def columns_of(described: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
    """Return columns from their names and the names of their types."""
    return tuple(Column(name, _PACKS[type_name]) for name, type_name in described)


async def packed(
    namespace: int, columns: Sequence[Column], rows: Sequence[Sequence[object]]
) -> AsyncGenerator[bytes, None]:
    """Give rows of one namespace in pieces; others have the event loop between them."""
    begins = _count(len(columns) + 1) + _integer(4, namespace)
    yield _BEGIN
    for start in range(0, len(rows), ROWS_MAX):
        values = zip(*rows[start : start + ROWS_MAX], strict=True)
        fields = [column.pack(each) for column, each in zip(columns, values, strict=True)]
        yield b"".join(chain.from_iterable(zip(repeat(begins), *fields, strict=False)))
        await asyncio.sleep(0)
    yield _END


def _bigints(values: Iterable[int | None]) -> list[bytes]:
    return [_NULL if value is None else _bigint(8, value) for value in values]


def _integers(values: Iterable[int | None]) -> list[bytes]:
    return [_NULL if value is None else _integer(4, value) for value in values]


def _uuids(values: Iterable[str | None]) -> list[bytes]:
    return [_NULL if value is None else _UUID + bytes.fromhex(value) for value in values]


def _texts(values: Iterable[str | None]) -> list[bytes]:
    """Most of a column's texts come again."""
    known: dict[str | None, bytes] = {None: _NULL}
    fields: list[bytes] = []
    for value in values:
        field = known.get(value)
        if field is None:
            raw = to_stored(value or "").encode()
            field = known[value] = _length(len(raw)) + raw
        fields.append(field)
    return fields


_PACKS: dict[str, Callable[[Iterable[Any]], list[bytes]]] = {
    "bigint": _bigints,
    "integer": _integers,
    "uuid": _uuids,
    "text": _texts,
}
"""What packs the values of each type that views have."""
