"""Text that Postgres cannot hold: a NUL travels as a pair of private letters, and everything as itself."""

from __future__ import annotations

from collections.abc import Sequence

_MARK = "\ue000"
_MARKED_MARK, _MARKED_NUL = "\ue000\ue001", "\ue000\ue002"


def to_stored(text: str) -> str:
    """Return a text as it is stored."""
    if "\0" in text or _MARK in text:
        return text.replace(_MARK, _MARKED_MARK).replace("\0", _MARKED_NUL)
    return text


def from_stored(text: str) -> str:
    """Return a stored text as it was."""
    if _MARK in text:
        return text.replace(_MARKED_NUL, "\0").replace(_MARKED_MARK, _MARK)
    return text


def column(texts: Sequence[str | None]) -> list[str | None]:
    """Return an array of texts as it is stored: the driver's codec sees only what comes alone."""
    return [each if each is None else to_stored(each) for each in texts]
