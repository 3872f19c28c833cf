"""Samples of what a backtest finds, with the values that decided then and now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal

from msgspec.structs import replace

from ensue.program import Program
from ensue.replay.compared import Backtested, Kind, Run, Sample, Tally, TriggerBacktest, names
from ensue.replay.judging import Judged, judge, shown
from ensue.scheduler.asking import Asker
from ensue.scheduler.evaluate import Upstream
from ensue.scheduler.listening import Listening
from ensue.sentences import condition_words
from ensue_core.archive import Archive
from ensue_core.clock import iso, to_datetime
from ensue_core.declarations import ByFunction, TriggerSpec
from ensue_core.facts import Participant
from ensue_core.values import decode
from ensue_projections.occurrences import occurrences_of


async def sampled(
    archive: Archive,
    program: Program,
    known: Mapping[str, TriggerSpec],
    only: str | None,
    asker: Asker,
    tally: Tally,
    service: str,
    position: int,
    samples: int,
) -> Backtested:
    """Return a tally as a finding, with up to so many samples of each kind for each trigger."""
    today = {each.spec.id: each.spec for each in program.triggers if only in (None, each.spec.id)}
    telling = _Telling(archive, program, known, today, asker)
    triggers = [_counted(name, tally, known, today) for name in sorted({*tally.counts, *known, *today})]
    told: list[Sample] = []
    for each in triggers:
        told += [await telling.gained(run) for run in _some(tally.gained.values(), each.trigger, samples)]
        told += [await telling.lost(run) for run in _some(tally.lost.values(), each.trigger, samples)]
        changed = (pair for pair in tally.changed if pair[0].trigger == each.trigger)
        told += [telling.changed(*pair) for pair in islice(changed, samples)]
    return Backtested(
        namespace=archive.namespace, service=service, position=position,
        since=None if tally.since is None else to_datetime(tally.since),
        until=None if tally.until is None else to_datetime(tally.until),
        triggers=tuple(triggers), samples=tuple(told),
    )  # fmt: skip


def _some(runs: Iterable[Run], trigger: str, most: int) -> list[Run]:
    return list(islice((run for run in runs if run.trigger == trigger), most))


def _counted(
    name: str, tally: Tally, known: Mapping[str, TriggerSpec], today: Mapping[str, TriggerSpec]
) -> TriggerBacktest:
    counts = tally.counts.get(name, {})
    return TriggerBacktest(
        trigger=name, state=_state(known.get(name), today.get(name)),
        then=counts.get("then", 0), now=counts.get("now", 0),
        unchanged=counts.get("unchanged", 0), changed=counts.get("changed", 0),
        gained=sum(run.trigger == name for run in tally.gained.values()),
        lost=sum(run.trigger == name for run in tally.lost.values()),
    )  # fmt: skip


def _state(then: TriggerSpec | None, now: TriggerSpec | None) -> Literal["new", "gone", "changed", "same"]:
    if then is None or now is None:
        return "new" if then is None else "gone"
    # From when it counts is recorded as a position, however it was said.
    one, other = (replace(each, start=None, start_time=None).version for each in (then, now))
    return "same" if one == other else "changed"


class _Telling:
    """Says why a run is there on one side only."""

    def __init__(
        self,
        archive: Archive,
        program: Program,
        known: Mapping[str, TriggerSpec],
        today: Mapping[str, TriggerSpec],
        asker: Asker,
    ) -> None:
        self._archive, self._program, self._asker = archive, program, asker
        self._known, self._today = known, today

    async def gained(self, run: Run) -> Sample:
        """Tell what said no then."""
        spec = self._known.get(run.trigger)
        then = "not declared" if spec is None else await self._blocked(spec, run, past=True)
        return _sample("gained", run, then or "not asked, or its partners paired otherwise", _became(run))

    async def lost(self, run: Run) -> Sample:
        """Tell what says no now."""
        spec = self._today.get(run.trigger)
        now = "not declared" if spec is None else await self._blocked(spec, run, past=False)
        return _sample("lost", run, _became(run), now or "its partners pair otherwise")

    def changed(self, before: Run, after: Run) -> Sample:
        """Tell what came of the same occurrences then and now."""
        return _sample("changed", after, _became(before), _became(after))

    async def _blocked(self, spec: TriggerSpec, run: Run, *, past: bool) -> str:
        """Return the first condition that no occurrence of a run satisfies; nothing where a branch is complete."""
        holding: set[str] = set()
        refused: list[Judged] = []
        for part in run.participants:
            if part.kind == "cron":
                if part.condition not in spec.conditions:
                    return f"no schedule of it has the slot {iso(part.occurred)}"
                holding.add(part.condition)
                continue
            found = await self._judged(spec, part, past=past)
            if isinstance(found, str):
                return found
            holding.update(each.condition for each in found if each.holds)
            refused += [each for each in found if not each.holds]
        if any(holding.issuperset(branch.conditions) for branch in spec.branches):
            return ""
        missing = next((each for each in refused if each.condition not in holding), None)
        return f"{condition_words(spec.conditions[missing.condition])}: {missing.because}" if missing else ""

    async def _judged(self, spec: TriggerSpec, part: Participant, *, past: bool) -> Sequence[Judged] | str:
        """Ask every condition that listens to an occurrence, or say why none can be asked."""
        record = (await self._archive.read_at([part.position]))[part.position]
        occurrence = occurrences_of(record)[part.index]
        ears = [ear for _, heard in Listening([spec]).listeners(occurrence) for ear in heard]
        if not ears:
            return f"does not listen to {occurrence.code or f'{occurrence.task} {occurrence.status}'}"
        if past:
            changed = next((name for ear in ears for name in self._recoded(spec, ear.name)), None)
            if changed is not None:
                return f"{changed} was other code"
        created = [occurrence.created] if occurrence.created else []
        upstream = Upstream(await self._archive.read_at(created))
        return await judge(spec, ears, occurrence, upstream, self._program, self._asker)

    def _recoded(self, spec: TriggerSpec, condition: str) -> list[str]:
        """Return the functions of a condition whose source is another one today."""
        today = self._today.get(spec.id)
        sources = {} if today is None else {
            ref.function.name: ref.function.source
            for each in today.conditions.values()
            for ref in _functions(each)
        }  # fmt: skip
        return [
            each.function.name.partition(":")[2]
            for each in _functions(spec.conditions[condition])
            if sources.get(each.function.name, each.function.source) != each.function.source
        ]


def _functions(condition: object) -> list[ByFunction]:
    filters = (getattr(condition, name, None) for name in ("payload", "arguments", "result"))
    return [each for each in filters if isinstance(each, ByFunction)]


def _became(run: Run) -> str:
    if run.outcome != "fired":
        return f"{run.outcome} ({run.says})" if run.says else run.outcome
    return f"fired with {shown(decode(run.arguments))}"


def _sample(kind: Kind, run: Run, then: str, now: str) -> Sample:
    return Sample(
        kind=kind, trigger=run.trigger, time=to_datetime(run.occurred), sources=names(run.participants), then=then,
        now=now,
    )  # fmt: skip
