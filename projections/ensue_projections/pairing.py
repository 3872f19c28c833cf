"""Pairing: whether an occurrence completes a trigger, and with whom. Pure, oldest with oldest.

A trigger fires at most once per occurrence: of all branches that its matches complete, the first in
declaration order fires and supplies the participants; what it did not use waits.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ensue_core.declarations import TriggerSpec
from ensue_core.facts import Participant
from ensue_core.ids import Id, derive, derive_two
from ensue_core.rows import WaitingRow
from ensue_projections.occurrences import Occurrence
from ensue_projections.waiting import Waiting


class Fired(msgspec.Struct, frozen=True, gc=False):
    """A completed branch: the run's id, its key and its participants in the order of the branch."""

    run: Id
    invocation: Id
    branch: int
    key: str
    participants: tuple[Participant, ...]


class Paired(msgspec.Struct, frozen=True, gc=False):
    """What one occurrence brings to one trigger: at most one run, and the matches that wait from now on."""

    fired: Fired | None
    waits: tuple[WaitingRow, ...]


def match_id(namespace: str, trigger: str, condition: str, occurrence: Occurrence) -> Id:
    """Return the id of a condition's match with an occurrence."""
    return derive(occurrence.time, "match", namespace, trigger, condition, occurrence.record, occurrence.index)


def pair(
    namespace: str,
    service: str,
    spec: TriggerSpec,
    occurrence: Occurrence,
    keys: Mapping[str, str],
    waiting: Waiting,
) -> Paired:
    """Decide what an occurrence that satisfies some conditions (id → key) does to a trigger.

    Does not change `waiting`.
    """
    new = {
        condition: _participant(match_id(namespace, spec.id, condition, occurrence), condition, occurrence)
        for condition in keys
    }
    fired: Fired | None = None
    for number, branch in enumerate(spec.branches):
        found = _complete(spec, branch.conditions, branch.within, occurrence, keys, new, waiting)
        if found is not None:
            key, participants = found
            run, invocation = run_ids(namespace, spec.id, number, participants, occurrence.time)
            fired = Fired(run, invocation, number, key, participants)
            break
    if fired and len(fired.participants) == len(new) == 1:
        return Paired(fired, ())
    used = {each.match for each in fired.participants} if fired else set[Id]()
    waits = tuple(
        _wait(service, spec, condition, keys[condition], new[condition], window)
        for condition in keys
        if new[condition].match not in used and (window := _window(spec, condition))
    )
    return Paired(fired, waits)


def run_ids(
    namespace: str, trigger: str, branch: int, participants: tuple[Participant, ...], time: int
) -> tuple[Id, Id]:
    """Return the ids of the run and of its invocation, from the ordered matches."""
    return derive_two(time, "run", namespace, trigger, branch, *(each.match for each in participants))


def _complete(
    spec: TriggerSpec,
    conditions: tuple[str, ...],
    within: int,
    occurrence: Occurrence,
    keys: Mapping[str, str],
    new: Mapping[str, Participant],
    waiting: Waiting,
) -> tuple[str, tuple[Participant, ...]] | None:
    """Return key and participants where the new matches complete a branch under one of their keys."""
    if len(conditions) == 1:
        only = conditions[0]
        return (keys[only], (new[only],)) if only in keys else None
    mine = [condition for condition in conditions if condition in keys]
    for key in dict.fromkeys(keys[condition] for condition in mine):
        participants: list[Participant] = []
        fresh = False
        for condition in conditions:
            row = waiting.oldest(spec.id, key, condition, occurrence.time - within, occurrence.time + within)
            if row is not None:
                participants.append(participant_of(row))
            elif keys.get(condition) == key:
                participants.append(new[condition])
                fresh = True
            else:
                break
        else:
            # Without a new match the branch was complete before, which cannot be.
            if fresh:
                return key, tuple(participants)
    return None


def _window(spec: TriggerSpec, condition: str) -> int:
    """Return the longest window a condition's match can wait in; 0 where it joins nothing."""
    return max(
        (branch.within for branch in spec.branches if len(branch.conditions) > 1 and condition in branch.conditions),
        default=0,
    )


def _participant(match: Id, condition: str, occurrence: Occurrence) -> Participant:
    return Participant(
        condition,
        match,
        occurrence.kind,
        occurrence.source,
        occurrence.position,
        occurrence.index,
        occurrence.time,
    )


def participant_of(row: WaitingRow) -> Participant:
    """Return a waiting match as a participant."""
    return Participant(row.condition, row.match, row.kind, row.source, row.position, row.index, row.occurred)


def _wait(service: str, spec: TriggerSpec, condition: str, key: str, match: Participant, window: int) -> WaitingRow:
    return WaitingRow(
        match=match.match,
        service=service,
        trigger=spec.id,
        condition=condition,
        key=key,
        kind=match.kind,
        source=match.source,
        position=match.position,
        index=match.index,
        occurred=match.occurred,
        deadline=match.occurred + window,
    )
