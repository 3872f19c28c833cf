"""Slots of a schedule: when the next one is, and which of the missed ones a catch-up policy keeps. Pure.

UTC only for now. Slots are log times in microseconds. croniter computes the next slot; six fields have the
seconds first.
"""

from __future__ import annotations

from collections import deque
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
    """Missed slots, sorted out: what fires, what is dropped, and the first slot that is left."""

    kept: tuple[int, ...]
    dropped: int
    first: int
    last: int
    next: int
    counted_all: bool = True


def sort_missed(
    expression: str, due: int, until: int, watched: int, policy: Catchup, window: int, slots_max: int
) -> Missed:
    """Return what a policy makes of the slots from `due` to `until` that came before anybody `watched`.

    Of all slots before `watched`, those after `until` too, `latest` keeps the newest and `all` the newest
    `slots_max`, both only within `window`; `none` keeps none. So it does not matter how the log is cut: time
    that passes record by record drops a slot at once where a later one will be the latest.
    """
    most = {"none": 0, "latest": 1, "all": slots_max}[policy]
    threshold = _first_kept(expression, watched, window, most) if most else watched
    kept: list[int] = []
    dropped, slot, last, counted_all = 0, due, due, True
    while slot < watched and slot <= until:
        if slot >= threshold:
            kept.append(slot)
        else:
            dropped, last = dropped + 1, slot
        if dropped > COUNTED_MAX and slot < threshold:
            # A schedule of seconds, a year behind: go on where it can still matter.
            counted_all = False
            slot = next_slot(expression, max(slot, min(threshold, until + 1) - 1))
        else:
            slot = next_slot(expression, slot)
    return Missed(tuple(kept), dropped, due, last, slot, counted_all)


@lru_cache(maxsize=1_024)
def _first_kept(expression: str, watched: int, window: int, most: int) -> int:
    """Return the oldest of the newest slots before `watched`, at most so many, none older than `window`."""
    span = min(60_000_000, window)
    while True:
        # Looking back further and further costs no more than a few times the slots that are kept.
        newest: deque[int] = deque(maxlen=most)
        slot = next_slot(expression, watched - span - 1)
        while slot < watched:
            newest.append(slot)
            slot = next_slot(expression, slot)
        if len(newest) == most or span == window:
            return newest[0] if newest else watched
        span = min(span * 4, window)
