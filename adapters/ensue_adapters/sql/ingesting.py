"""Batches of ingesters: which of them count, and what they append."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ensue_adapters.sql.repeats import clashes_of, first_of
from ensue_core.facts import EventEmitted
from ensue_core.ids import Id
from ensue_core.records import Draft, Record
from ensue_core.topics import BEFORE_FIRST, Batch, Clashing, Overtaken, Taken, ingested

Outcome = Taken | Overtaken | Clashing


class Standing(msgspec.Struct, frozen=True):
    """What the store found: how far partitions are, where ids stand, and the records there.

    Ids were looked up of drafts that may repeat; of all drafts where `careful`.
    """

    throughs: Mapping[tuple[str, int], int]
    ids: Mapping[Id, int] = {}
    stored: Mapping[int, Record] = {}
    careful: bool = False


def lay_out(batches: Sequence[Batch], standing: Standing) -> tuple[list[Outcome], list[Draft]]:
    """Return what becomes of each batch, and the drafts to append for those that count, in order."""
    clashing: dict[int, Clashing] = {}
    while True:
        outcomes, counting = _compare(batches, standing.throughs, clashing)
        drafts = [(number, each) for number in counting for each in batches[number].drafts]
        flat = [each for _, each in drafts]
        careful = [standing.careful or each.repeatable for each in flat]
        if not any(careful):
            return _all(batches, outcomes, counting)
        clashes = clashes_of(flat, careful, standing.ids, standing.stored)
        if not clashes:
            break
        # The first batch that clashes drops out whole, and what followed it in its partition with it. Later ones
        # may have clashed with that one only.
        number = drafts[clashes[0]][0]
        start = sum(len(batches[each].drafts) for each in counting if each < number)
        clashing[number] = Clashing(tuple(each - start for each in clashes if drafts[each][0] == number))
    first = set(first_of(flat, careful, standing.ids).values())
    fresh: dict[int, list[Draft]] = {number: [] for number in counting}
    for index, (number, each) in enumerate(drafts):
        if index in first:
            fresh[number].append(each)
    return _appended(batches, outcomes, fresh)


def _compare(
    batches: Sequence[Batch], throughs: Mapping[tuple[str, int], int], clashing: Mapping[int, Clashing]
) -> tuple[list[Outcome | None], list[int]]:
    """Return the outcomes of the batches that do not count, and the numbers of those that do."""
    at = dict(throughs)
    outcomes: list[Outcome | None] = []
    counting: list[int] = []
    for number, batch in enumerate(batches):
        key = batch.topic, batch.partition
        through = at.get(key, BEFORE_FIRST)
        if through != batch.after:
            outcomes.append(Overtaken(through))
        elif number in clashing:
            outcomes.append(clashing[number])
        else:
            outcomes.append(None)
            counting.append(number)
            at[key] = batch.through
    return outcomes, counting


def _all(
    batches: Sequence[Batch], outcomes: Sequence[Outcome | None], counting: Sequence[int]
) -> tuple[list[Outcome], list[Draft]]:
    return _appended(batches, outcomes, {number: batches[number].drafts for number in counting})


def _appended(
    batches: Sequence[Batch], outcomes: Sequence[Outcome | None], fresh: Mapping[int, Sequence[Draft]]
) -> tuple[list[Outcome], list[Draft]]:
    drafts: list[Draft] = []
    answers: list[Outcome] = []
    for number, (batch, outcome) in enumerate(zip(batches, outcomes, strict=True)):
        if outcome is None:
            events = sum([type(each.fact) is EventEmitted for each in fresh[number]])
            drafts += [*fresh[number], ingested(batch, events)]
            outcome = Taken(events, len(batch.drafts) - len(fresh[number]))
        answers.append(outcome)
    return answers, drafts
