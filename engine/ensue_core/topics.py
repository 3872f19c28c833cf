"""Topics of other programs: their records on the way in, the offset that moves with them, and the two ports for it.

An *ingester* reads a topic through its adapter (`Topic`) and hands batches to the store (`Offsets`). A partition's
offset is folded from the `Ingested` facts of the log like any decision view, and a batch counts only where the
offset still stands where the batch begins: so ingesters may die, lag, repeat themselves or run in any number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

from ensue_core.clock import Clock
from ensue_core.facts import EventEmitted, Ingested, RecordParked, RecordsMissed
from ensue_core.ids import Id, derive
from ensue_core.records import Draft, draft
from ensue_core.rows import TopicRow

BEFORE_FIRST = -1
"""The offset of a partition of which nothing was taken: offsets begin at 0."""


# Into the store.


class Batch(msgspec.Struct, frozen=True):
    """What an ingester made of a partition's records past offset `after`, up to and including `through`.

    `drafts` are events, in the order of the topic, and the facts that say what became no event. A batch without
    drafts only moves the offset.
    """

    topic: str
    partition: int
    after: int
    through: int
    drafts: tuple[Draft, ...] = ()


class Taken(msgspec.Struct, frozen=True):
    """The batch is in the log: so many new events, and so many whose id stood there before, saying the same."""

    events: int
    repeats: int = 0


class Overtaken(msgspec.Struct, frozen=True):
    """The batch is void, nothing of it was stored: the partition's offset is another one. Go on from `through`."""

    through: int


class Clashing(msgspec.Struct, frozen=True):
    """Nothing of the batch was stored: the drafts at `indexes` have ids under which something else stands."""

    indexes: tuple[int, ...]


class Offsets(Protocol):
    """How far each partition of each topic has been taken into the log.

    `per_partition`: ids are compared among one partition's records only, so that an event's id must name its
    partition (a log that is itself in partitions cannot look elsewhere).
    """

    per_partition: bool

    async def rows(self, topic: str) -> Sequence[TopicRow]:
        """Return the partitions of a topic of which something was taken, in order."""
        ...

    async def ingest(self, batches: Sequence[Batch]) -> list[Taken | Overtaken | Clashing]:
        """Append each batch and its `Ingested`, if its partition's offset is still `after`; one transaction.

        Each batch is whole or not there, whatever becomes of the others. Durable on return. An event whose id
        stands already brings no event, and the offset moves past it. Raises `CommitUnknown`; then `rows` tells.
        """
        ...


def ingested(batch: Batch, events: int) -> Draft:
    """Return the fact that moves the offset, for a batch of which so many events are new."""
    emitted = parked = missed = 0
    for each in batch.drafts:
        match each.fact:
            case EventEmitted():
                emitted += 1
            case RecordParked():
                parked += 1
            case RecordsMissed(first=first, last=last):
                missed += last - first + 1
            case _:
                pass
    fact = Ingested(batch.topic, batch.partition, batch.after, batch.through, events, emitted - events, parked, missed)
    return draft(batch_id(batch), fact)


def added(row: TopicRow | None, more: TopicRow) -> TopicRow:
    """Return a partition's row after a batch: its offset, and all counts so far."""
    if row is None:
        return more
    return TopicRow(
        row.topic,
        row.partition,
        more.through,
        row.events + more.events,
        row.repeats + more.repeats,
        row.parked + more.parked,
        row.missed + more.missed,
    )


def batch_id(batch: Batch) -> Id:
    """Return the id of the fact that moves the offset: the time of the batch's last draft, and where it begins."""
    time = int(batch.drafts[-1].id[:12], 16) * 1000 if batch.drafts else 0
    return derive(time, "ingested", batch.topic, batch.partition, batch.after, batch.through)


# Out of the topic.


class Message(msgspec.Struct, frozen=True, gc=False):
    """One record of a topic, as its bytes are. `time` is its timestamp in microseconds, 0 where it has none."""

    partition: int
    offset: int
    time: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Span(msgspec.Struct, frozen=True):
    """What a partition holds: offsets from `first` up to, and without, `past`."""

    first: int
    past: int


class Letter(msgspec.Struct, frozen=True):
    """A record that became no event, and why. `resent`: somebody has sent it to its topic again."""

    message: Message
    reason: str
    time: int = 0
    resent: bool = False


class Topic(Protocol):
    """A topic of other programs, as one ingester sees it.

    Every method raises `TopicUnavailable` where the topic cannot be reached, does not exist or may not be read,
    with one sentence that says what to do. After that, close it and open another one.
    """

    async def open(self) -> None:
        """Connect, and see that the topic exists; a topic that does not is never made."""
        ...

    async def close(self) -> None:
        """Let go of everything. Repeating it does nothing."""
        ...

    async def spans(self) -> Mapping[int, Span]:
        """Return what each partition holds now."""
        ...

    async def assign(self, after: Mapping[int, int]) -> None:
        """Read these partitions from now on, each past an offset, and no others."""
        ...

    async def read(self, limit: int, timeout: float) -> Mapping[int, Sequence[Message]]:
        """Return up to `limit` records of the assigned partitions, each partition's in order, each record once.

        Waits up to `timeout` seconds for the first.
        """
        ...

    def reached(self) -> Mapping[int, int]:
        """Return how far each assigned partition has been read, past what holds no records too."""
        ...

    async def park(self, letters: Sequence[Letter]) -> None:
        """Put records into the topic's dead-letter topic, which is made where it is missing; durable on return."""
        ...

    def letters(self) -> AsyncIterator[Letter]:
        """Yield what is in the dead-letter topic for this namespace, oldest first, each record once."""
        ...

    async def resend(self, letters: Sequence[Letter]) -> None:
        """Send parked records to their topic again, bytes unchanged, and mark them as resent."""
        ...


class OpenTopic(Protocol):
    """What the entry-point group `ensue.topics` names: a URL gives a topic, not yet open."""

    def __call__(self, url: str, namespace: str, clock: Clock) -> Topic:
        """Check the URL's form and return the topic; connects to nothing. Raises `ConfigError`."""
        ...


RESENT_AS = "ensue-resent"
"""The header of a record that was sent again: `partition/offset/time` of the first time, by which its id is made."""
