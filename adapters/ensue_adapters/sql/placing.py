"""Giving drafts their places: positions one after another, one log time for all."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ensue_core.facts import FORMAT, AttemptStarted, Fact, encode_fact
from ensue_core.ports import Head
from ensue_core.records import Draft, Record


def resolve(drafts: Sequence[Draft], after: int) -> list[Draft]:
    """Return drafts that will stand past a position, with what they say of places made real."""
    return [_resolved(each, after + place) for place, each in enumerate(drafts, 1)]


def place_all(drafts: Sequence[Draft], after: int, time: int) -> list[Record]:
    """Return the records of resolved drafts that stand past a position."""
    return [
        Record(position, each.id, time, each.fact, each.cause, each.root or each.id, FORMAT)
        for position, each in enumerate(drafts, after + 1)
    ]


def settle_all(drafts: Sequence[Draft], after: int, time: int) -> list[Record]:
    """Return the records of drafts that were stored past a position, with what they say of places made real."""
    return [
        Record(position, each.id, time, _placed(each.fact, position), each.cause, each.root or each.id, FORMAT)
        for position, each in enumerate(drafts, after + 1)
    ]


def time_of(now: int, head: Head, floor: int = 0) -> int:
    """Return the log time of what is appended now: it never goes back."""
    return max(now, head.time, floor)


def root_column(draft: Draft) -> str | None:
    """Return what the log's column holds: NULL for a record that is its own root."""
    return None if draft.root == draft.id else draft.root


def _placed(fact: Fact, position: int) -> Fact:
    """Say where the creating record stands, if the fact only says how many places before itself."""
    if type(fact) is AttemptStarted and fact.created < 0:
        return msgspec.structs.replace(fact, created=position + fact.created)
    return fact


def _resolved(draft: Draft, position: int) -> Draft:
    fact = _placed(draft.fact, position)
    return draft if fact is draft.fact else msgspec.structs.replace(draft, fact=fact, data=encode_fact(fact))
