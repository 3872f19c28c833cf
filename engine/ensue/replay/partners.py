"""The partners that a waiting match lacks, and what they said no to: the value that each condition saw."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ensue.replay.judging import Judged, judge
from ensue.replay.sources import occurrences_about
from ensue.scheduler.evaluate import Upstream, key_in
from ensue.scheduler.listening import Ear, Listening, ear
from ensue_core.declarations import OnEvent
from ensue_core.facts import ConditionMatched
from ensue_core.ids import Id
from ensue_core.ports import EventQuery
from ensue_core.rows import WaitingRow
from ensue_projections.occurrences import Occurrence, occurrences_of

if TYPE_CHECKING:
    from ensue.replay.explain import Explained

LOOKED_AT_MAX = 200
"""How many events of a code, within the window, are looked at for one that a missing condition denied."""


def missing_conditions(asked: Explained, present: Collection[str]) -> list[str]:
    """Return what the branch that lacks the fewest partners still lacks."""
    lacking = [
        [name for name in branch.conditions if name not in present]
        for branch in asked.spec.branches
        if set(present) & set(branch.conditions)
    ]
    return min((each for each in lacking if each), key=len, default=list[str]())


def missing_words(asked: Explained, key: str, names: list[str]) -> str:
    """Say what is lacked in words."""
    said = " and ".join(asked.words(name) for name in names)
    if not said:
        return "a partner that comes after it"
    kind = asked.spec.conditions[names[0]].key.kind
    return said if kind == "any" else f"{said} (key {key})" if kind == "path" else f"{said} (invocation {key})"


async def denied(asked: Explained, waited: ConditionMatched | WaitingRow, names: list[str]) -> list[Judged]:
    """Return, of each missing condition, the last no that it said to something of the match's key, if any."""
    found: list[Judged] = []
    for name in names:
        candidates = await _candidates(asked, waited, name)
        for occurrence in reversed(candidates):
            judged = await _judged(asked, ear(name, asked.spec.conditions[name]), occurrence, waited.key)
            if judged is not None:
                found.append(judged)
                break
    return found


async def _candidates(asked: Explained, waited: ConditionMatched | WaitingRow, name: str) -> list[Occurrence]:
    """Return what a condition would have been asked about, oldest first."""
    condition = asked.spec.conditions[name]
    if isinstance(condition, OnEvent):
        since, until = waited.occurred - (waited.deadline - waited.occurred), waited.deadline + 1
        query = EventQuery(code=condition.code, since=since, until=until, limit=LOOKED_AT_MAX)
        rows = await asked.store.views.events(query)
        records = await asked.store.log.read_at([row.position for row in rows])
        return [each for position in sorted(records) for each in occurrences_of(records[position])]
    if condition.key.kind != "source":
        return []
    listening = Listening([asked.spec])
    return [
        each
        for _, occurrences in await occurrences_about(asked.store, Id(waited.key))
        for each in occurrences
        if any(heard.name == name for _, ears in listening.listeners(each) for heard in ears)
    ]


async def _judged(asked: Explained, listens: Ear, occurrence: Occurrence, key: str) -> Judged | None:
    """Return a condition's no to an occurrence of that key; None where it is another key's, or no answer is known."""
    upstream = Upstream(await asked.store.log.read_at([occurrence.created] if occurrence.created else []))
    if key_in(listens.condition, occurrence, upstream, {}) != key:
        return None
    (judged,) = await judge(asked.spec, [listens], occurrence, upstream, asked.program, asked.asker)
    return None if judged.holds else judged
