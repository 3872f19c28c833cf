"""How a views' store keeps what only a log at a broker needs: as a line of JSON each."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ensue_adapters.broker.views import KEPT_SECONDS, Folding, Stored
from ensue_core.defaults import SECOND
from ensue_projections.ordering import Line, Order
from ensue_projections.requests import Verdict

HORIZONS_MAX = 10_000
"""How many horizons of the past are kept, for services that are behind."""

HORIZON_STEP = SECOND // 10
"""How far a horizon must have moved to be kept for its position."""

FORGET_EVERY = 1_000
"""Folds after which what is too old is forgotten."""

_verdicts = msgspec.json.Decoder(tuple[Verdict, ...])
_lines = msgspec.json.Decoder(list[tuple[str, int, int, int]])


def order_text(order: Order) -> str:
    """Return the offsets and times of an order as text."""
    rows = [
        (role, number, offset, order.times.get((role, number), 0)) for (role, number), offset in order.offsets.items()
    ]
    return msgspec.json.encode(rows).decode()


def order_of(text: str | bytes, horizon: int) -> Order:
    """Return the order that a text holds."""
    offsets: dict[Line, int] = {}
    times: dict[Line, int] = {}
    for role, number, offset, time in _lines.decode(text):
        offsets[role, number] = offset
        times[role, number] = time
    return Order(offsets, times, horizon)


def verdicts_text(verdicts: tuple[Verdict, ...]) -> str:
    """Return verdicts as text."""
    return msgspec.json.encode(verdicts).decode()


def verdicts_of(text: str | bytes) -> tuple[Verdict, ...]:
    """Return the verdicts that a text holds."""
    return _verdicts.decode(text)


def moved(before: Stored, folding: Folding, head: int) -> Stored:
    """Return how far the views are folded after a fold."""
    return Stored(before.version + 1, folding.order, folding.lines, head)


def passed(before: Stored, after: Stored) -> bool:
    """Whether the horizon before a fold holds no more at the log's end, and must be known for where it held."""
    return after.position > before.position and before.order.horizon > 0


def forgotten_before(folding: Folding) -> int:
    """Return the time before which verdicts are forgotten."""
    latest = max((asked.time for asked in folding.asked), default=0)
    return latest - round(KEPT_SECONDS * SECOND)


def to_keep(folding: Folding, verdicts: list[tuple[Verdict, ...]]) -> Mapping[str, tuple[int, str]]:
    """Return what other processes will look up: by envelope, when it was appended and what became of it."""
    return {
        asked.envelope: (asked.time, verdicts_text(each))
        for asked, each in zip(folding.asked, verdicts, strict=True)
        if asked.keep
    }
