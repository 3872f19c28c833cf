"""One namespace of one schema, as statements and notices name it."""

from __future__ import annotations

import msgspec


class Space(msgspec.Struct, frozen=True):
    """A namespace's name and number, and the channel on which its commits are told."""

    name: str
    number: int
    channel: str
