"""Records: facts with their place in the log, and drafts of them on their way in."""

from __future__ import annotations

import msgspec

from ensue_core.facts import Fact, encode_fact, kind_of
from ensue_core.ids import Id


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A record that has no position and no time yet.

    `cause` is the id of what directly brought it about, `root` of what began the whole tree; a root of None
    means that it begins one itself. `repeatable` says that the same id may have been appended before (keys,
    ids derived inside tasks), so that the store looks. `data` is the fact as it will be stored.
    """

    id: Id
    fact: Fact
    data: bytes
    cause: str | None = None
    root: str | None = None
    repeatable: bool = False


def draft(id: Id, fact: Fact, *, cause: str | None = None, root: str | None = None, repeatable: bool = False) -> Draft:
    """Encode a fact once and return the draft of its record."""
    return Draft(id, fact, encode_fact(fact), cause, root, repeatable)


class Record(msgspec.Struct, frozen=True, gc=False):
    """One immutable entry of the log. `time` is log time, in microseconds, never decreasing with position."""

    position: int
    id: Id
    time: int
    fact: Fact
    cause: str | None = None
    root: str | None = None
    version: int = 1

    @property
    def kind(self) -> str:
        """The name of the fact's class."""
        return kind_of(self.fact)

    @property
    def data(self) -> bytes:
        """The fact as bytes."""
        return encode_fact(self.fact)


def place(draft: Draft, position: int, time: int) -> Record:
    """Give a draft its place."""
    return Record(position, draft.id, time, draft.fact, draft.cause, draft.root or draft.id)
