"""Pages of a list: keyset cursors that stay right while the log grows, and how filters are read."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from ensue_core.clock import from_datetime
from ensue_core.errors import BadQuery
from ensue_core.ids import Id, parse_id

T = TypeVar("T")
Row = TypeVar("Row")

LIMIT_MAX = 1_000
"""How many items a page may hold."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items, newest first, and the cursor of the page after; None where this is the last."""

    items: tuple[T, ...]
    next: str | None = None


class Named(Protocol):
    """A task, or anything else that goes by a name."""

    @property
    def name(self) -> str:
        """The name."""
        ...


class Coded(Protocol):
    """An event's declaration."""

    @property
    def code(self) -> str:
        """The code."""
        ...


async def page_of(
    fetch: Callable[[int | None, int], Awaitable[Sequence[Row]]],
    show: Callable[[Row], T],
    place: Callable[[Row], int],
    cursor: str | None,
    limit: int,
) -> Page[T]:
    """Fetch one more than a page holds, so that the last page knows that it is the last."""
    if not 1 <= limit <= LIMIT_MAX:
        raise BadQuery(f"limit is {limit}: ask for 1 to {LIMIT_MAX} and follow the cursor for more")
    rows = await fetch(read_cursor(cursor), limit + 1)
    shown = rows[:limit]
    return Page(tuple(map(show, shown)), write_cursor(place(shown[-1])) if len(rows) > limit else None)


async def all_of(pages: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    """Yield the items of all pages."""
    cursor: str | None = None
    while True:
        page = await pages(cursor)
        for item in page.items:
            yield item
        if page.next is None:
            return
        cursor = page.next


def write_cursor(position: int) -> str:
    """Return a position as opaque text."""
    return urlsafe_b64encode(b"1:%d" % position).decode().rstrip("=")


def read_cursor(cursor: str | None) -> int | None:
    """Return the position of a cursor. Raises `BadQuery` for text that no page gave."""
    if cursor is None:
        return None
    try:
        form, _, digits = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(":")
        if form != "1" or not digits.isdigit():
            raise ValueError
        return int(digits)
    except (NotBase64, ValueError):
        raise BadQuery(f"{cursor!r} is not a cursor: take `next` of the page before, or leave it out") from None


def time_of(when: datetime | None) -> int | None:
    """Return log time; a naive datetime is taken as UTC."""
    return None if when is None else from_datetime(when)


def id_of(text: str | None) -> Id | None:
    """Return an id as people paste it. Raises `BadId`."""
    return None if text is None else parse_id(text)


def name_of(named: Named | str | None) -> str | None:
    """Return a task's name."""
    return named if named is None or isinstance(named, str) else named.name


def code_of(event: Coded | str | None) -> str | None:
    """Return an event's code; a family ends in `.*`."""
    code = event if event is None or isinstance(event, str) else event.code
    if code is not None and "*" in code.removesuffix(".*"):
        raise BadQuery(f"{code!r} is no event code: write a whole code, or a family such as 'order.*'")
    return code
