"""What a trigger has under a key, and what it did at a time."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

import msgspec

from ensue.queries.fresh import freshen
from ensue.queries.shown import run_view
from ensue.replay.explain import Explained, said_no
from ensue.replay.partners import missing_conditions, missing_words
from ensue.replay.told import ConditionView, Explanation, Verdict
from ensue.scheduler.cron import next_slot
from ensue_core.clock import iso, to_datetime
from ensue_core.declarations import OnCron
from ensue_core.defaults import SECOND
from ensue_core.facts import CronTicked, TicksSkipped
from ensue_core.ids import derive
from ensue_core.ports import RunQuery
from ensue_core.values import canonical

RUNS_LOOKED_AT_MAX = 2_000
"""How many of a trigger's runs are looked through for a key."""


async def explain_key(asked: Explained, key: str) -> Explanation:
    """Say what waits under a key of a join, and what it has led to. `key` is JSON, or text as it is."""
    await freshen(asked.store)
    keys = {key, canonical(key)}
    with suppress(msgspec.DecodeError):
        keys.add(canonical(msgspec.json.decode(key)))
    waiting = [row for row in asked.chain.waiting if row.trigger == asked.spec.id and row.key in keys]
    query = RunQuery(trigger=asked.spec.id, limit=RUNS_LOOKED_AT_MAX)
    runs = [row for row in await asked.store.views.runs(query) if row.key in keys]
    name, shown = asked.spec.id, sorted(keys)[0] if len(keys) == 1 else key
    verdict: Verdict
    noes: list[ConditionView] = []
    if waiting:
        oldest = min(waiting, key=lambda row: (row.position, row.index))
        names = missing_conditions(asked, {row.condition for row in waiting})
        missing = missing_words(asked, oldest.key, names)
        noes, but = await said_no(asked, oldest, names)
        verdict, needs = "waiting", f"{missing}, until {iso(oldest.deadline)}"
        waits = f"{asked.words(oldest.condition)} waits since {iso(oldest.occurred)} for {missing}"
        says = f"{name} has not fired: {waits}{but}"
    elif runs:
        verdict, needs = cast("Verdict", runs[0].outcome), ""
        says = f"{name} last {runs[0].outcome} for key {shown} at {iso(runs[0].time)}: nothing waits under it now"
    else:
        verdict, needs = "nothing", ""
        says = f"nothing waits under key {shown}, and none of its latest runs had it: see what joins with --event"
    return Explanation(
        trigger=name, when=asked.spec.sentence, verdict=verdict, says=says, needs=needs,
        conditions=tuple(noes), waits=asked.waits(waiting), runs=tuple(map(run_view, runs[:20])),
    )  # fmt: skip


async def explain_time(asked: Explained, time: int) -> Explanation:
    """Say what a trigger did at a log time: its slots around it, else the runs before and after."""
    await freshen(asked.store)
    for condition, each in asked.spec.conditions.items():
        if isinstance(each, OnCron):
            return await _slot(asked, condition, each, time)
    views = asked.store.views
    before = await views.runs(RunQuery(trigger=asked.spec.id, until=time + 1, limit=1))
    after = [*await views.runs(RunQuery(trigger=asked.spec.id, since=time + 1, limit=RUNS_LOOKED_AT_MAX))][-1:]
    told = [f"{row.outcome} at {iso(row.time)}" for row in (*before, *after)]
    says = f"{asked.spec.id} {' and then '.join(told)}" if told else f"{asked.spec.id} has never fired"
    at_once = bool(before) and before[0].time == time
    return Explanation(
        trigger=asked.spec.id, when=asked.spec.sentence, verdict="fired" if at_once else "nothing", says=says,
        runs=tuple(map(run_view, (*before, *after))), time=to_datetime(time),
    )  # fmt: skip


async def _slot(asked: Explained, condition: str, cron: OnCron, time: int) -> Explanation:
    """Say what became of the last slot up to a time."""
    slot = last_slot(cron.expression, time)
    name, store = asked.spec.id, asked.store
    following = iso(next_slot(cron.expression, time))
    if slot is None:
        return _of_slot(asked, "nothing", f"{name} had no slot yet: the first one after is {following}", time)
    slot_id = derive(slot, "slot", store.namespace, name, condition, slot)
    record = await store.log.find(slot_id)
    if record is not None and isinstance(record.fact, CronTicked):
        runs = await store.views.runs(RunQuery(source=slot_id, trigger=name, limit=10))
        outcome: Verdict = cast("Verdict", runs[0].outcome) if runs else "ticked"
        late = (record.time - slot) / SECOND
        says = (
            f"{name}: slot {iso(slot)} ticked {late:.1f} s late, and {_became(outcome)}; the next slot is {following}"
        )
        found = _of_slot(asked, outcome, says, slot)
        return msgspec.structs.replace(found, runs=tuple(map(run_view, runs)), position=record.position)
    skipped = await _skipped(asked, condition, slot)
    if skipped is not None:
        says = f"{name}: slot {iso(slot)} was skipped, as nobody decided when it came due ({skipped.reason})"
        return _of_slot(asked, "skipped", says, slot, "a scheduler that runs then, or another catchup=")
    due = next((row.due for row in asked.chain.timers if (row.trigger, row.condition) == (name, condition)), None)
    if asked.row.state != "active":
        says = f"{name}: slot {iso(slot)} did not tick: the trigger is {asked.row.state} ({asked.row.reason or 'user'})"
    elif due is not None and due <= slot:
        says = f"{name}: slot {iso(slot)} has not ticked yet: see `ensue doctor`, who decides"
    else:
        says = f"{name}: slot {iso(slot)} did not tick: the trigger was not declared, or paused, when it came due"
    return _of_slot(asked, "not asked", says, slot)


def _became(outcome: str) -> str:
    return {"fired": "the trigger fired", "ticked": "waits for partners or has met none"}.get(
        outcome, f"the run came to nothing ({outcome})"
    )


async def _skipped(asked: Explained, condition: str, slot: int) -> TicksSkipped | None:
    rows = await asked.store.views.problems(None, 1_000)
    positions = [row.position for row in rows if row.trigger == asked.spec.id and row.kind == "TicksSkipped"]
    for record in (await asked.store.log.read_at(positions)).values():
        fact = record.fact
        if isinstance(fact, TicksSkipped) and fact.condition == condition and fact.first <= slot <= fact.last:
            return fact
    return None


def last_slot(expression: str, time: int) -> int | None:
    """Return the last slot of a schedule at or before a log time; None where there was none in four years."""
    span = 60 * SECOND
    while next_slot(expression, time - span) > time:
        span *= 4
        if span > 4 * 366 * 86_400 * SECOND:
            return None
    early, late = time - span, time  # the slot after `early` has come by now, the one after `late` has not
    while late - early > 1:
        middle = (early + late) // 2
        if next_slot(expression, middle) <= time:
            early = middle
        else:
            late = middle
    return next_slot(expression, early)


def _of_slot(asked: Explained, verdict: Verdict, says: str, time: int, needs: str = "") -> Explanation:
    return Explanation(
        trigger=asked.spec.id, when=asked.spec.sentence, verdict=verdict, says=says, needs=needs,
        time=to_datetime(time),
    )  # fmt: skip
