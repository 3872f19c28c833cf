"""Looking at topics from outside the loop: how far behind they are, and what was parked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from ensue.ingest.declared import Ingest
from ensue.ingest.sharing import members
from ensue.ingest.topics import open_topic
from ensue_core.ports import Store
from ensue_core.topics import BEFORE_FIRST, Letter, Topic

__all__ = ["TopicView", "letters_of", "look_at", "opened_topic", "resend"]


class TopicView(msgspec.Struct, frozen=True):
    """A topic as it stands: `behind` offsets are not taken in yet; the other counts are of all time.

    `ingesters` are alive. `parked` records became no event, `missed` were deleted before they were read.
    """

    name: str
    partitions: int
    behind: int
    ingesters: tuple[str, ...]
    events: int = 0
    repeats: int = 0
    parked: int = 0
    missed: int = 0


@asynccontextmanager
async def opened_topic(store: Store, declared: Ingest) -> AsyncGenerator[Topic, None]:
    """Open a topic for a look. Raises `TopicUnavailable` and `ConfigError`."""
    topic = open_topic(declared.url, store.namespace, store.clock)
    try:
        await topic.open()
        yield topic
    finally:
        await topic.close()


async def look_at(store: Store, declared: Ingest) -> TopicView:
    """Compare a topic with what was taken of it. Raises `TopicUnavailable`."""
    async with opened_topic(store, declared) as topic:
        spans = await topic.spans()
    rows = {row.partition: row for row in await store.offsets.rows(declared.name)}
    behind = 0
    for partition, span in spans.items():
        at = rows[partition].through if partition in rows else BEFORE_FIRST
        behind += max(span.past - max(at + 1, span.first), 0)
    some = rows.values()
    return TopicView(
        declared.name,
        len(spans),
        behind,
        tuple(await members(store, declared.name)),
        sum(row.events for row in some),
        sum(row.repeats for row in some),
        sum(row.parked for row in some),
        sum(row.missed for row in some),
    )


async def letters_of(store: Store, declared: Ingest) -> AsyncIterator[Letter]:
    """Yield a topic's dead letters, oldest first. Raises `TopicUnavailable`."""
    async with opened_topic(store, declared) as topic:
        async for each in topic.letters():
            yield each


async def resend(store: Store, declared: Ingest, letters: Sequence[Letter]) -> None:
    """Send dead letters to their topic again; those that were read by then are not taken in twice."""
    async with opened_topic(store, declared) as topic:
        await topic.resend(letters)
