"""Batches from records: events where they can be, and letters with the fact that says so where they cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from ensue.ingest.reading import Reading, Unreadable
from ensue_core.clock import Clock
from ensue_core.facts import EventEmitted, RecordParked
from ensue_core.ids import derive
from ensue_core.records import Draft, draft
from ensue_core.topics import Batch, Letter, Message

__all__ = ["Made", "make", "parked"]

TURN_RECORDS = 100
"""How many records are read before others on the loop get their turn."""

REASON_MAX = 1_000


class Made(msgspec.Struct, frozen=True):
    """A batch, the records its drafts came from, in the same order, and those to be parked before it counts."""

    batch: Batch
    messages: tuple[Message, ...]
    letters: tuple[Letter, ...] = ()


async def make(
    reading: Reading, name: str, messages: Mapping[int, Sequence[Message]], after: Mapping[int, int], clock: Clock
) -> list[Made]:
    """Return a batch for each partition of which records came."""
    made: list[Made] = []
    count = 0
    for partition, some in sorted(messages.items()):
        drafts: list[Draft] = []
        letters: list[Letter] = []
        for message in some:
            try:
                drafts.append(reading.read(message))
            except Unreadable as error:
                letter = Letter(message, str(error)[:REASON_MAX], clock.now())
                letters.append(letter)
                drafts.append(_parked(name, letter))
            count += 1
            if count % TURN_RECORDS == 0:
                await clock.sleep(0)
        batch = Batch(name, partition, after[partition], some[-1].offset, tuple(drafts))
        made.append(Made(batch, tuple(some), tuple(letters)))
    return made


def parked(made: Made, indexes: Collection[int]) -> Made:
    """Return a batch in which some events, whose ids say something else already, are letters. The others are parked."""
    drafts = list(made.batch.drafts)
    letters: list[Letter] = []
    for index in indexes:
        message, fact = made.messages[index], drafts[index].fact
        assert isinstance(fact, EventEmitted)
        origin = fact.origin
        named = f"{origin.id!r} of {origin.source!r}" if origin is not None and origin.id else "the resent record"
        letter = Letter(message, f"{named} is in the log already, with another payload or type", message.time)
        letters.append(letter)
        drafts[index] = _parked(made.batch.topic, letter)
    batch = msgspec.structs.replace(made.batch, drafts=tuple(drafts))
    return Made(batch, made.messages, tuple(letters))


def _parked(name: str, letter: Letter) -> Draft:
    message = letter.message
    fact = RecordParked(name, message.partition, message.offset, letter.reason)
    return draft(derive(message.time, "parked", name, message.partition, message.offset), fact)
