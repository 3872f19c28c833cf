"""One namespace of one schema, as statements and notices name it."""

from __future__ import annotations

import msgspec


class Space(msgspec.Struct, frozen=True):
    """A namespace's name and number, the channel on which users' commits are told, and the one on which others'
    engines are heard here, "" where nobody listens."""

    name: str
    number: int
    channel: str
    mine: str
