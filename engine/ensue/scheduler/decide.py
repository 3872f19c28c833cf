"""Deciding a Step: time passes, matches pair, runs fire, joins close. Pure but for the state it moves along.

`Decider` folds a plan with its answers into facts, in log order: before each record, what came due before it;
then the record's occurrences; then the joins that it closes. User code has been asked before, and arguments
are made after: nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from ensue.scheduler.asking import Answer
from ensue.scheduler.cron import next_slot, sort_missed
from ensue.scheduler.evaluate import Evaluated, Open, Question
from ensue.scheduler.plan import Plan
from ensue.scheduler.state import ChainState
from ensue_core.declarations import OnCron, TriggerSpec
from ensue_core.defaults import Defaults
from ensue_core.facts import (
    ConditionFailed,
    ConditionMatched,
    CronTicked,
    Fact,
    MatchesDropped,
    Through,
    TicksSkipped,
    TriggerPaused,
    WindowExpired,
)
from ensue_core.ids import Id, derive
from ensue_core.ports import FOREVER
from ensue_core.records import Draft, Record, draft
from ensue_core.rows import WaitingRow
from ensue_projections.chain import chain_changes
from ensue_projections.occurrences import Occurrence, happened_at, slot_occurrence
from ensue_projections.pairing import Fired, pair

Answers = Mapping[tuple[str, str, str, Id, int], Answer]
"""Answers by (trigger, condition, subject, record, index)."""


class Firing(msgspec.Struct, frozen=True, gc=False):
    """A run that fires, before its arguments are made. `occurrence` is the one that completed it."""

    fired: Fired
    spec: TriggerSpec
    version: str
    occurrence: Occurrence


Outcome = Draft | Firing


def answer_key(question: Question) -> tuple[str, str, str, Id, int]:
    """Return where a question's answer is kept."""
    occurrence = question.occurrence
    return (question.trigger, question.condition, question.subject, occurrence.record, occurrence.index)


class Decider:
    """Decides one Step of one lane. Moves `state` along as it goes; a void Step throws that state away."""

    def __init__(
        self,
        namespace: str,
        state: ChainState,
        lane: str | None,
        defaults: Defaults,
        attentive_since: int,
        answers: Answers,
        horizon: int = FOREVER,
    ) -> None:
        self._horizon = horizon
        self._namespace, self._state, self._lane = namespace, state, lane
        self._defaults, self._attentive_since, self._answers = defaults, attentive_since, answers
        self._service = state.row.service
        self._step = state.row.step
        row = state.triggers[lane].own if lane is not None else None
        self._position = (row or state.row.through).position
        self._passed = -1
        self._ticked: dict[tuple[str, str], int] = {}
        self.outcomes: list[Outcome] = []

    def decide(self, plan: Plan, evaluated: Sequence[Sequence[Evaluated]], clock: int | None) -> list[Outcome]:
        """Return facts and firings in order; `clock` of None lets no time pass after the last record."""
        bounds = self._bounds(plan)
        for place, (entry, answers) in enumerate(zip(plan.entries, evaluated, strict=True)):
            time = entry.record.time if bounds is None else min(entry.record.time, bounds[place])
            if time != self._passed:  # records of one commit have one time
                self._pass_time(time)
            self._position = entry.record.position
            for each in answers:
                self._candidate(each)
            for trigger in entry.closes:
                if entry.ended is not None and self._state.in_lane(trigger, self._lane):
                    self._drop(entry.record, trigger, self._state.waiting.of_key(trigger, entry.ended), "closed")
        if plan.time:
            self._pass_time(plan.time)
        if clock is not None:
            self._pass_time(clock)
        return self.outcomes

    # One occurrence and one trigger.

    def _candidate(self, each: Evaluated) -> None:
        spec = each.candidate.spec
        if not self._state.in_lane(spec.id, self._lane):
            return  # paused earlier in this very Step
        keys = each.satisfied
        if each.open:
            keys = dict(keys)
        for question in each.open:
            if self._open(each, question):
                keys[question.condition] = question.key
            if not self._state.in_lane(spec.id, self._lane):
                return
        if keys:
            if len(keys) > 1:
                keys = {name: keys[name] for name in spec.conditions if name in keys}
            self._pair(spec, each.candidate.occurrence, keys)

    def _open(self, each: Evaluated, condition: Open) -> bool:
        """Return whether every question of a condition was answered yes; say so where one could not be."""
        occurrence, spec = each.candidate.occurrence, each.candidate.spec
        for question in condition.questions:
            answer = self._answers[answer_key(question)]
            if answer.skipped:
                self._pause(spec.id, Through((occurrence.position - 1,), occurrence.index))
                return False
            if not answer.failed and isinstance(answer.value, bool):
                if not answer.value:
                    return False
                continue
            reason, error = answer.reason, answer.error
            if not reason:
                reason, error = "not a bool", f"returned {type(answer.value).__name__}, not True or False"
            fact = ConditionFailed(
                self._service,
                spec.id,
                condition.condition,
                occurrence.position,
                occurrence.index,
                reason,
                error,
            )
            self._say("failed", occurrence.time, fact, occurrence, spec.id, condition.condition, question.subject)
            if answer.trips:
                decided = Through((occurrence.position - 1,), occurrence.index, spec.id)
                self._pause(spec.id, decided)
            return False
        return True

    def _pair(self, spec: TriggerSpec, occurrence: Occurrence, keys: Mapping[str, str]) -> None:
        paired = pair(self._namespace, self._service, spec, occurrence, keys, self._state.waiting)
        if paired.fired is not None:
            version = self._state.triggers[spec.id].version
            if len(paired.fired.participants) > 1:  # a lone participant never waited
                self._state.waiting.drop(each.match for each in paired.fired.participants)
            self.outcomes.append(Firing(paired.fired, spec, version, occurrence))
        for row in paired.waits:
            fact = ConditionMatched(
                row.service, row.trigger, row.condition, row.key, row.kind, row.source, row.position, row.occurred,
                row.deadline, row.index,
            )  # fmt: skip
            self.outcomes.append(draft(row.match, fact, cause=occurrence.source, root=occurrence.root))
            self._state.waiting.add(row)
            self._bound(row, occurrence)

    def _bound(self, row: WaitingRow, occurrence: Occurrence) -> None:
        """Let the oldest give way where too many wait."""
        waiting, most = self._state.waiting, self._defaults
        gone: list[WaitingRow] = []
        if waiting.count_of_key(row.trigger, row.key) > most.waiting_per_key_max:
            gone = waiting.of_key(row.trigger, row.key)[:1]
        elif waiting.count(row.trigger) > most.waiting_per_trigger_max:
            oldest = waiting.oldest_of(row.trigger)
            gone = [oldest] if oldest else []
        if gone:
            matches = tuple(each.match for each in gone)
            waiting.drop(matches)
            fact = MatchesDropped(self._service, row.trigger, matches, "overflow")
            self._say("dropped", occurrence.time, fact, occurrence, *matches)

    def _drop(self, record: Record, trigger: str, rows: Sequence[WaitingRow], reason: str) -> None:
        if not rows:
            return
        matches = tuple(row.match for row in rows)
        self._state.waiting.drop(matches)
        fact = MatchesDropped(self._service, trigger, matches, "closed")
        self.outcomes.append(
            draft(
                derive(record.time, reason, self._namespace, *matches),
                fact,
                cause=record.id,
                root=record.root,
            )
        )

    def _pause(self, trigger: str, own: Through) -> None:
        fact = TriggerPaused(self._service, trigger, own, "timeouts", "engine")
        name = derive(self._state.row.clock, "paused", self._namespace, trigger, self._step, own.position)
        self._fold(draft(name, fact))

    # Time.

    def _bounds(self, plan: Plan) -> list[int] | None:
        """Return for each record the earliest that it or one after it happened; None where log time says that.

        The horizon holds past the last record only: what happened before it may lie among these.
        """
        if self._horizon == FOREVER:
            return None
        times = [happened_at(entry.record) for entry in plan.entries]
        for place in range(len(times) - 2, -1, -1):
            times[place] = min(times[place], times[place + 1])
        return times

    def _pass_time(self, now: int) -> None:
        """Let windows expire and slots tick that come before `now`, in the order of their times.

        Never past the horizon: something may have happened before that and lie in a part of the log that lags.
        """
        self._passed = now
        now = min(now, self._horizon)
        while True:
            timer = self._state.next_timer(self._lane)
            due = timer if timer is not None and timer[0] <= now else None
            late = self._state.waiting.expire(due[0] if due else now, self._lane)
            by_trigger: dict[str, list[Id]] = {}
            for row in late:
                by_trigger.setdefault(row.trigger, []).append(row.match)
            for trigger, matches in sorted(by_trigger.items()):
                fact = WindowExpired(self._service, trigger, tuple(matches))
                self.outcomes.append(draft(derive(now, "expired", self._namespace, *matches), fact))
            if due is None:
                return
            self._slot(due[0], due[1], due[2], now)

    def _slot(self, due: int, trigger: str, condition: str, now: int) -> None:
        """Tick one slot, or sort out the slots that nobody watched go by."""
        spec = self._state.triggers[trigger].spec
        cron = spec.conditions[condition]
        assert isinstance(cron, OnCron)
        if due >= self._attentive_since:
            self._tick(spec, condition, due, next_slot(cron.expression, due))
            return
        most = self._defaults
        missed = sort_missed(
            cron.expression, due, now, self._attentive_since, cron.catchup,
            int(most.catchup_window_seconds * 1_000_000), most.catchup_slots_max,
        )  # fmt: skip
        if missed.dropped:
            reason = f"catchup={cron.catchup}" + ("" if missed.counted_all else ", counted in part")
            fact = TicksSkipped(
                self._service,
                trigger,
                condition,
                missed.dropped,
                missed.first,
                missed.last,
                missed.next,
                reason,
            )
            self._fold(draft(derive(now, "skipped", self._namespace, trigger, condition, missed.first), fact))
        for slot in missed.kept:
            self._tick(spec, condition, slot, missed.next)

    def _tick(self, spec: TriggerSpec, condition: str, slot: int, following: int) -> None:
        slot_id = derive(slot, "slot", self._namespace, spec.id, condition, slot)
        fact = CronTicked(self._service, spec.id, condition, slot, following)
        self._fold(draft(slot_id, fact))
        occurrence = slot_occurrence(slot_id, slot, self._position, self._ticked.get((spec.id, condition), 0))
        self._ticked[spec.id, condition] = slot
        key = "*" if spec.conditions[condition].key.kind == "any" else slot_id
        self._pair(spec, occurrence, {condition: key})

    # Saying it.

    def _say(self, word: str, time: int, fact: Fact, occurrence: Occurrence, *parts: str) -> None:
        name = derive(time, word, self._namespace, occurrence.record, occurrence.index, *parts)
        self.outcomes.append(draft(name, fact, cause=occurrence.source, root=occurrence.root))

    def _fold(self, said: Draft) -> None:
        """Say a fact and move the state by it at once."""
        self.outcomes.append(said)
        for change in chain_changes(Record(0, said.id, 0, said.fact)):
            self._state.apply(change)


Reserve = Callable[[str], bool]
"""Takes a free slot of a worker for a task; False where there is none."""
