"""Slots of a schedule: when the next one is, and which of the missed ones a catch-up policy keeps. Pure.

UTC only for now. Slots are log times in microseconds. croniter computes the next slot; six fields have the
seconds first.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from croniter import croniter

from ensue_core.clock import from_datetime, to_datetime
from ensue_core.declarations import Catchup

COUNTED_MAX = 10_000
"""Missed slots outside the catch-up window are counted up to this many, so that counting has a bound."""


@lru_cache(maxsize=65_536)
def next_slot(expression: str, after: int) -> int:
    """Return the first slot strictly after a log time."""
    schedule = croniter(expression, to_datetime(after), second_at_beginning=len(expression.split()) == 6)
    slot = schedule.get_next(start_time=to_datetime(after))
    return from_datetime(to_datetime(round(slot * 1_000_000)))


class Missed(msgspec.Struct, frozen=True):
    """Missed slots, sorted out: what fires, what is dropped, and the first slot that was not missed."""

    kept: tuple[int, ...]
    dropped: int
    first: int
    last: int
    next: int
    counted_all: bool = True


def sort_missed(
    expression: str, due: int, before: int, now: int, policy: Catchup, window: int, slots_max: int
) -> Missed:
    """Return what a policy makes of the slots from `due` on that lie before `before`.

    `latest` keeps the newest and `all` up to `slots_max` of the newest, both only within `window` before
    `now`; `none` keeps none.
    """
    slots: list[int] = []
    dropped, slot, last, counted_all = 0, due, due, True
    while slot < before:
        last = slot
        if slot < now - window or policy == "none":
            dropped += 1
        else:
            slots.append(slot)
            if len(slots) > (slots_max if policy == "all" else 1):
                slots.pop(0)
                dropped += 1
        if dropped > COUNTED_MAX and slot < now - window:
            # A schedule of seconds, a year behind: go on where it can still matter.
            counted_all = False
            slot = next_slot(expression, max(slot, now - window - 1))
        elif dropped > COUNTED_MAX and policy == "none":
            counted_all = False
            slot = next_slot(expression, before - 1)
        else:
            slot = next_slot(expression, slot)
    return Missed(tuple(slots), dropped, due, last, slot, counted_all)
