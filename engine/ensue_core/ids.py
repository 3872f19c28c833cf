"""Ids: 16 bytes with time first, written as 32 lowercase hex digits.

What is emitted gets a UUIDv7. What is derived gets a UUIDv8: 48 bits of the log time (milliseconds) of
the record that completed it, then a BLAKE2b hash of its parts in MessagePack, so that indices grow at
one end and equal inputs give equal ids in every process and on every store (RFC 9562, sections 5.7, 5.8).
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import NewType

import msgspec
from uuid_utils import uuid7

from ensue_core.errors import BadId

Id = NewType("Id", str)
"""A record, event, run, invocation or Step id: 32 lowercase hex digits."""

NO_ID = Id("")
"""Stands where a chain has no Step yet."""


def new_id() -> Id:
    """Return a fresh UUIDv7."""
    return Id(uuid7().hex)


_msgpack = msgspec.msgpack.Encoder()


def _hash(parts: tuple[str | bytes | int, ...], size: int) -> bytes:
    """Hash parts in MessagePack, which says each one's kind and length, so that no two lists give the same bytes."""
    try:
        raw = _msgpack.encode(parts)
    except UnicodeEncodeError:  # lone surrogates, which a user's key may hold
        raw = _msgpack.encode([_surrogates(part) if isinstance(part, str) else part for part in parts])
    hashing = _blank[size].copy()  # half the price of a new one
    hashing.update(raw)
    return hashing.digest()


_blank = {size: blake2b(digest_size=size) for size in (10, 16, 20)}
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _surrogates(part: str) -> bytes:
    return part.encode("utf-8", "surrogatepass")


def _uuid8(begins: str, tail: bytes) -> Id:
    """Lay 48 bits of time, as 12 digits, and 74 bits of a hash out as a UUIDv8."""
    digits = tail.hex()
    return Id(f"{begins}8{digits[1:4]}{_VARIANT[digits[4]]}{digits[5:]}")


@lru_cache(64)
def _begins(millis: int) -> str:
    """Return the digits of a time; the records of one commit have one."""
    return f"{millis & 0xFFFFFFFFFFFF:012x}"


def derive(time: int, *parts: str | bytes | int) -> Id:
    """Return the id derived from a log time in microseconds and the parts."""
    return _uuid8(_begins(time // 1000), _hash(parts, 10))


def derive_two(time: int, *parts: str | bytes | int) -> tuple[Id, Id]:
    """Return two independent ids derived from the same parts, for the price of one hash."""
    begins, tail = _begins(time // 1000), _hash(parts, 20)
    return _uuid8(begins, tail[:10]), _uuid8(begins, tail[10:])


def derive_from(parent: Id, *parts: str | bytes | int) -> Id:
    """Return an id that sorts beside its parent: the parent's time, and a hash of parent and parts."""
    return _uuid8(parent[:12], _hash((parent, *parts), 10))


def derive_keyed(*parts: str | bytes | int) -> Id:
    """Return an id that depends on the parts alone and on no time (keyed events)."""
    tail = _hash(parts, 16)
    return _uuid8(tail[10:16].hex(), tail[:10])


def digest(*parts: str | bytes | int) -> str:
    """Return 32 hex digits of a hash of the parts; not an id, it carries no time."""
    return _hash(parts, 16).hex()


def parse_id(text: str) -> Id:
    """Accept an id as people paste it, with or without dashes, in any case.

    Raises `BadId` where it is not 32 hex digits.
    """
    plain = text.strip().replace("-", "").lower()
    if len(plain) != 32 or any(letter not in "0123456789abcdef" for letter in plain):
        raise BadId(text)
    return Id(plain)
