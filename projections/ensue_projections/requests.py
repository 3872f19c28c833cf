"""Requests: what programs ask of a log whose broker only keeps an order, and what the registers answer.

On SQL a transaction looks before it appends. A broker cannot look: it keeps whatever comes, twice, late, from programs
long dead. So what goes into it are requests, and `registers.py` says of each, in their order, what it brings.
"""

from __future__ import annotations

import msgspec

from ensue_core.facts import Through
from ensue_core.ids import NO_ID, Id
from ensue_core.ports import Appended
from ensue_core.records import Draft
from ensue_core.topics import Batch, Clashing, Overtaken, Taken


class Append(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Let these drafts stand, each once."""

    drafts: tuple[Draft, ...]


class Start(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Let this be the start of its attempt: the id of the draft is its own, whoever else starts the same one.

    The worker's lease then lasts `seconds` past the start's log time.
    """

    draft: Draft
    worker: str
    seconds: float


class Finish(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Let this be the end of an attempt, with its buffered events.

    `start` is the id of the start that it ends; empty where whoever ends it does not know.
    """

    end: Draft
    buffered: tuple[Draft, ...] = ()
    start: Id = NO_ID


class Cancel(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Let this cancel an invocation."""

    draft: Draft


class Ingest(msgspec.Struct, frozen=True, tag=True):
    """Let this batch come in turn after what was taken of its source partition."""

    batch: Batch


class Follow(msgspec.Struct, frozen=True, tag=True):
    """Let this Step follow another one in its service's chain. Its draft is its `Decided`."""

    service: str
    after: Id
    through: Through
    clock: int
    facts: tuple[Draft, ...]
    decided: Draft
    worker: str = ""
    seconds: float = 15.0


class Park(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Nobody asked for this: it says what stood where no request could be read."""

    draft: Draft


Request = Append | Start | Finish | Cancel | Ingest | Follow | Park
"""What can be asked. A closed set."""


class Followed(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The Step counts; its records stand at `first` up to `last`."""

    first: int
    last: int


class NotFollowed(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The Step is void. `outrun`: it let more time pass than a record that it had not read allows.

    `repeats`: it says under some id what stands already, which no scheduler does.
    """

    outrun: bool = False
    repeats: bool = False


class Stands(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What became of each draft."""

    appended: tuple[Appended, ...]


class Counted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Whether a start, an end or a cancellation counts, and where it stands then."""

    counts: bool
    position: int = 0


class Turned(msgspec.Struct, frozen=True, tag=True):
    """What became of an ingested batch."""

    events: int = -1
    repeats: int = 0
    through: int = 0
    clashes: tuple[int, ...] = ()

    def outcome(self) -> Taken | Overtaken | Clashing:
        """Return it in the words of the port."""
        if self.events >= 0:
            return Taken(self.events, self.repeats)
        return Clashing(self.clashes) if self.clashes else Overtaken(self.through)


Verdict = Stands | Counted | Followed | NotFollowed | Turned
"""What the registers say of a request. A closed set."""
