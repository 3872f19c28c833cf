"""Digests of views: the sum of the rows' hashes modulo 2^256, whatever the order of the rows.

Adding a row adds its hash, so a fold need not keep a row whose last change it has seen. How often an event matched
and triggered counts into its row's hash as a multiple, so that counting on needs neither the row nor its old hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import astuple

from ensue_core.rows import EventRow

MODULUS = 1 << 256
_plain = msgspec.msgpack.Encoder().encode
_nested = msgspec.msgpack.Encoder(order="deterministic").encode
_TRIGGERED = 1 << 64
_MULTIPLIER = 1 << 128
_COUNTS = 2
"""How many of an event's last columns are counts."""

Values = tuple[Any, ...]
"""A row's values in the order of its columns."""


class Digest(msgspec.Struct, frozen=True, gc=False):
    """What a view comes down to: how many rows it has, and the sum of their hashes as 64 hex digits."""

    rows: int
    sum: str


class Sum:
    """A digest on its way. For one view."""

    def __init__(self, table: str) -> None:
        self.rows = 0
        self.value = 0
        self._hashes: Callable[[Iterable[Values]], list[int]] = _HASHES.get(table, _plainly)

    def add(self, rows: Iterable[msgspec.Struct]) -> None:
        """Add rows in their last form."""
        self.add_values(map(astuple, rows))

    def add_values(self, rows: Iterable[Values]) -> None:
        """Add rows in their last form, each as its values."""
        hashes = self._hashes(rows)
        self.rows += len(hashes)
        self.value = (self.value + sum(hashes)) % MODULUS

    def count(self, rows: Iterable[EventRow]) -> None:
        """Count on what events have matched and triggered; each row's counts are those to add."""
        added = sum([_counts(row.id, row.matched, row.triggered) for row in rows])
        self.value = (self.value + added) % MODULUS

    def digest(self, more: Iterable[msgspec.Struct] = ()) -> Digest:
        """Return the digest, with more rows that may still change."""
        hashes = self._hashes(map(astuple, more))
        return Digest(self.rows + len(hashes), f"{(self.value + sum(hashes)) % MODULUS:064x}")


def _plainly(rows: Iterable[Values]) -> list[int]:
    return _hashed(map(_plain, rows))


def _deterministically(rows: Iterable[Values]) -> list[int]:
    return _hashed(map(_nested, rows))


def _of_events(rows: Iterable[Values]) -> list[int]:
    """Hash what an event is, and add what it counts."""
    found = list(rows)
    hashes = _plainly([row[:-_COUNTS] for row in found])
    for place, row in enumerate(found):
        if row[-1] or row[-2]:
            hashes[place] += _counts(row[0], row[-2], row[-1])
    return hashes


def _hashed(said: Iterable[bytes]) -> list[int]:
    """Return the hash of each as a number; a copy of a hash that is empty costs half of a new one."""
    blank, number = _BLANK.copy, int.from_bytes
    numbers: list[int] = []
    add = numbers.append
    for each in said:
        hashing = blank()
        hashing.update(each)
        add(number(hashing.digest(), "big"))
    return numbers


def _counts(id: str, matched: int, triggered: int) -> int:
    return (matched + triggered * _TRIGGERED) * (int(id, 16) + _MULTIPLIER)


_BLANK = blake2b(digest_size=32)
_HASHES: dict[str, Callable[[Iterable[Values]], list[int]]] = {
    "events": _of_events,
    # Rows of these hold mappings. They are few; the others are spared the sorting.
    **dict.fromkeys(("chains", "triggers", "timers", "waiting", "work"), _deterministically),
}
