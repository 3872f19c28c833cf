"""Idempotent appending: which drafts are new, and what those that are not agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ensue_core.ids import Id
from ensue_core.ports import Appended
from ensue_core.records import Draft, Record
from ensue_projections.same import same


def fresh_of(drafts: Sequence[Draft], careful: Sequence[bool], standing: Mapping[Id, int]) -> list[Draft]:
    """Return the drafts that add a record: those whose id neither stands nor came before among them.

    Only the `careful` ones are looked at; `standing` holds the positions of ids that stand.
    """
    return [drafts[index] for index in first_of(drafts, careful, standing).values()]


def outcomes_of(
    drafts: Sequence[Draft],
    careful: Sequence[bool],
    standing: Mapping[Id, int],
    placed: Mapping[Id, Record],
    stored: Mapping[int, Record],
) -> list[Appended]:
    """Say what became of each draft. `placed` are the new records by id, `stored` those that stood before."""
    first = first_of(drafts, careful, standing)
    outcomes: list[Appended] = []
    for index, draft in enumerate(drafts):
        if first.get(draft.id) == index:
            outcomes.append(Appended(placed[draft.id].position))
            continue
        stands = stored[standing[draft.id]] if draft.id in standing else placed[draft.id]
        outcomes.append(Appended(stands.position, duplicate=True, conflict=not same(stands.fact, draft.fact)))
    return outcomes


def clashes_of(
    drafts: Sequence[Draft], careful: Sequence[bool], standing: Mapping[Id, int], stored: Mapping[int, Record]
) -> tuple[int, ...]:
    """Return which drafts have ids under which something else stands, or came before among them."""
    first = first_of(drafts, careful, standing)
    clashes: list[int] = []
    for index, draft in enumerate(drafts):
        if first.get(draft.id) != index:
            other = stored[standing[draft.id]].fact if draft.id in standing else drafts[first[draft.id]].fact
            if not same(other, draft.fact):
                clashes.append(index)
    return tuple(clashes)


def first_of(drafts: Sequence[Draft], careful: Sequence[bool], standing: Mapping[Id, int]) -> dict[Id, int]:
    """Return, for each id that adds a record, which of the drafts adds it."""
    first: dict[Id, int] = {}
    for index, (draft, look) in enumerate(zip(drafts, careful, strict=True)):
        if not (look and (draft.id in standing or draft.id in first)):
            first[draft.id] = index
    return first
