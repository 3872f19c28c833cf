"""Digests of views: the sum of the rows' hashes modulo 2^256, whatever the order of the rows.

Adding a row adds its hash, so a fold need not keep a row whose last change it has seen. How often an event matched
and triggered counts into its row's hash as a multiple, so that counting on needs neither the row nor its old hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import cast

import msgspec

from ensue_core.rows import EventRow

MODULUS = 1 << 256
_rows = msgspec.msgpack.Encoder().encode
_nested = msgspec.msgpack.Encoder(order="deterministic").encode
_TRIGGERED = 1 << 64
_MULTIPLIER = 1 << 128


class Digest(msgspec.Struct, frozen=True, gc=False):
    """What a view comes down to: how many rows it has, and the sum of their hashes as 64 hex digits."""

    rows: int
    sum: str


class Sum:
    """A digest on its way. For one view."""

    def __init__(self, table: str) -> None:
        self.rows = 0
        self.value = 0
        self._hash: Callable[[msgspec.Struct], int] = hash_of(table)

    def add(self, rows: Iterable[msgspec.Struct]) -> None:
        """Add rows in their last form."""
        values = list(map(self._hash, rows))
        self.rows += len(values)
        self.value = (self.value + sum(values)) % MODULUS

    def count(self, rows: Iterable[EventRow]) -> None:
        """Count on what events have matched and triggered; each row's counts are those to add."""
        self.value = (self.value + sum(map(_counts, rows))) % MODULUS

    def digest(self, more: Iterable[msgspec.Struct] = ()) -> Digest:
        """Return the digest, with more rows that may still change."""
        values = list(map(self._hash, more))
        return Digest(self.rows + len(values), f"{(self.value + sum(values)) % MODULUS:064x}")


def hash_of(table: str) -> Callable[[msgspec.Struct], int]:
    """Return what hashes a view's rows."""
    if table == "events":
        return cast("Callable[[msgspec.Struct], int]", _event)
    return _deterministic if table in _NESTED else _plain


_NESTED = {"chains", "triggers", "timers", "waiting", "work"}
"""Views whose rows hold mappings. They are small; the others are spared the sorting."""


def _plain(row: msgspec.Struct) -> int:
    return int.from_bytes(blake2b(_rows(row), digest_size=32).digest(), "big")


def _deterministic(row: msgspec.Struct) -> int:
    return int.from_bytes(blake2b(_nested(row), digest_size=32).digest(), "big")


def _event(row: EventRow) -> int:
    said = _rows(
        (row.id, row.position, row.time, row.code, row.key, row.emitter, row.emitter_task, row.cause, row.root)
    )
    return int.from_bytes(blake2b(said, digest_size=32).digest(), "big") + _counts(row)


def _counts(row: EventRow) -> int:
    return (row.matched + row.triggered * _TRIGGERED) * (int(row.id, 16) + _MULTIPLIER)
