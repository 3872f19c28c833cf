"""Envelopes as bytes: MessagePack, with every fact as the exact JSON that it is stored as."""

from __future__ import annotations

import msgspec

from ensue_core.errors import FormatTooNew
from ensue_core.facts import (
    AttemptEnded,
    AttemptStarted,
    Decided,
    Fact,
    InvocationCancelled,
    RecordParked,
    decode_fact,
)
from ensue_core.ids import Id, derive
from ensue_core.records import Draft, draft
from ensue_core.topics import Batch
from ensue_projections.ordering import Arrived, Envelope, Line
from ensue_projections.requests import Append, Cancel, Finish, Follow, Ingest, Park, Request, Start

FORMAT = 1
"""The format of an envelope; a reader refuses a higher one."""

_TEXT_MAX = 300


class _Said(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A draft: what its fact says, once, as bytes."""

    id: Id
    data: bytes
    cause: str | None = None
    root: str | None = None
    repeatable: bool = False


class _Append(msgspec.Struct, frozen=True, array_like=True, tag="append"):
    drafts: list[_Said]


class _Start(msgspec.Struct, frozen=True, array_like=True, tag="start"):
    draft: _Said
    worker: str
    seconds: float


class _Finish(msgspec.Struct, frozen=True, array_like=True, tag="finish"):
    end: _Said
    buffered: list[_Said]
    start: Id


class _Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    draft: _Said


class _Ingest(msgspec.Struct, frozen=True, array_like=True, tag="ingest"):
    topic: str
    partition: int
    after: int
    through: int
    drafts: list[_Said]


class _Follow(msgspec.Struct, frozen=True, array_like=True, tag="follow"):
    decided: _Said
    facts: list[_Said]
    worker: str
    seconds: float


_Asked = _Append | _Start | _Finish | _Cancel | _Ingest | _Follow


class _Envelope(msgspec.Struct, frozen=True, array_like=True):
    format: int
    id: Id
    sent: int
    covers: dict[str, list[int]]
    requests: list[msgspec.Raw]


_encoder = msgspec.msgpack.Encoder()
_envelope = msgspec.msgpack.Decoder(_Envelope)
_asked = msgspec.msgpack.Decoder(_Asked)


def encode(envelope: Envelope) -> bytes:
    """Return the bytes of an envelope."""
    covers: dict[str, list[int]] = {}
    for (role, partition), offset in envelope.covers.items():
        covers.setdefault(role, []).extend((partition, offset))
    requests = [msgspec.Raw(_encoder.encode(_written(each))) for each in envelope.requests]
    return _encoder.encode(_Envelope(FORMAT, envelope.id, envelope.sent, covers, requests))


def size_of(request: Request) -> int:
    """Return roughly how many bytes a request takes."""
    return 64 + sum(len(each.data) + 96 for each in drafts_of(request))


def drafts_of(request: Request) -> tuple[Draft, ...]:
    """Return every draft that a request brings."""
    match request:
        case Append(drafts):
            return drafts
        case Finish(end, buffered):
            return (end, *buffered)
        case Ingest(batch):
            return batch.drafts
        case Follow():
            return (*request.facts, request.decided)
        case Start(said) | Cancel(said) | Park(said):
            return (said,)


def decode(arrived: Arrived, topic: str) -> Envelope:
    """Return the envelope that a record holds.

    What cannot be read becomes an envelope with one `Park`, so that it stands as a fact and stops nobody. Raises
    `FormatTooNew` where a newer version wrote it.
    """
    try:
        raw = _envelope.decode(arrived.value)
        if raw.format > FORMAT:
            raise FormatTooNew("kafka", raw.format)
        return Envelope(raw.id, raw.sent, tuple(_read(_asked.decode(each)) for each in raw.requests), _covers(raw))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return _parked(arrived, topic, f"{type(error).__name__}: {error}")


def _parked(arrived: Arrived, topic: str, reason: str) -> Envelope:
    fact = RecordParked(topic, arrived.line[1], arrived.offset, reason[:_TEXT_MAX])
    name = derive(arrived.time, "unreadable", topic, arrived.line[1], arrived.offset)
    return Envelope(name, 0, (Park(draft(name, fact)),))


def _covers(raw: _Envelope) -> dict[Line, int]:
    covers: dict[Line, int] = {}
    for role, pairs in raw.covers.items():
        covers.update({(role, pairs[n]): pairs[n + 1] for n in range(0, len(pairs) - 1, 2)})
    return covers


def _written(request: Request) -> _Asked:
    match request:
        case Append(drafts):
            return _Append([_said(each) for each in drafts])
        case Start(said, worker, seconds):
            return _Start(_said(said), worker, seconds)
        case Finish(end, buffered, start):
            return _Finish(_said(end), [_said(each) for each in buffered], start)
        case Cancel(said):
            return _Cancel(_said(said))
        case Ingest(batch):
            said_all = [_said(each) for each in batch.drafts]
            return _Ingest(batch.topic, batch.partition, batch.after, batch.through, said_all)
        case Follow():
            facts = [_said(each) for each in request.facts]
            return _Follow(_said(request.decided), facts, request.worker, request.seconds)
        case Park():
            raise TypeError("nobody asks for a record to be parked")


def _read(asked: _Asked) -> Request:
    match asked:
        case _Append(drafts):
            return Append(tuple(_draft(each) for each in drafts))
        case _Start(said, worker, seconds):
            return Start(_draft_of(said, AttemptStarted), worker, seconds)
        case _Finish(end, buffered, start):
            return Finish(_draft_of(end, AttemptEnded), tuple(_draft(each) for each in buffered), start)
        case _Cancel(said):
            return Cancel(_draft_of(said, InvocationCancelled))
        case _Ingest():
            brought = tuple(_draft(each) for each in asked.drafts)
            return Ingest(Batch(asked.topic, asked.partition, asked.after, asked.through, brought))
        case _Follow():
            decided = _draft_of(asked.decided, Decided)
            fact = decided.fact
            assert isinstance(fact, Decided)
            facts = tuple(_draft(each) for each in asked.facts)
            return Follow(
                fact.service, fact.after, fact.through, fact.clock, facts, decided, asked.worker, asked.seconds
            )


def _said(draft: Draft) -> _Said:
    return _Said(draft.id, draft.data, draft.cause, draft.root, draft.repeatable)


def _draft(said: _Said) -> Draft:
    return Draft(said.id, decode_fact(said.data), said.data, said.cause, said.root, said.repeatable)


def _draft_of(said: _Said, kind: type[Fact]) -> Draft:
    draft = _draft(said)
    if not isinstance(draft.fact, kind):
        raise ValueError(f"a {type(draft.fact).__name__} where a {kind.__name__} belongs")
    return draft
