"""Corrections are facts with their authors, change nothing that stands, and happen once however often asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ensue import (
    BadValue,
    Defaults,
    EventContext,
    Handle,
    NotFound,
    Tasks,
    current,
    gt,
    on_cron,
    on_event,
    on_exception,
)
from ensue.replay.corrections import Corrected
from ensue.testing import Kit, engine_for
from ensue_core.facts import ConditionFailed, ConditionMatched, EventEmitted, InvocationCreated, RunFailed, TriggerFired
from tests.engine.kits import OpenKit, facts, records
from tests.replay.kits import verified

CODE = {"broken": True}


def fragile(payload: dict[str, Any]) -> bool:
    if CODE["broken"]:
        raise RuntimeError("not today")
    return bool(payload["n"] > 0)


def arguments(context: EventContext[Any]) -> dict[str, Any]:
    if CODE["broken"]:
        raise RuntimeError("not today")
    return {"n": context.payload["n"]}


def of_slot(context: Any) -> dict[str, Any]:
    return arguments_of_slot[CODE["broken"]](context)


def _raise(context: Any) -> dict[str, Any]:
    raise RuntimeError("not today")


arguments_of_slot: dict[bool, Callable[[Any], dict[str, Any]]] = {True: _raise, False: lambda context: {"n": 7}}


def program() -> Tasks:
    tasks = Tasks()

    @tasks.task(triggers=on_event("made").with_args_from_event(arguments).named("made"))
    async def work(n: int) -> int:
        return n

    @tasks.task(triggers=on_event("asked", fragile).with_args_from_event("n").named("asked"))
    async def ask(n: int) -> int:
        return n

    left, right = on_event("left", fragile).by("k"), on_event("right").by("k")

    @tasks.task(triggers=(left & right).within("1h").named("both"))
    async def both() -> None: ...

    @tasks.task(triggers=on_event("sent", {"n": gt(5)}).with_args_from_event("n").named("sent"))
    async def send(n: int) -> None:
        if CODE["broken"]:
            raise ValueError("no")

    @tasks.task(triggers=on_exception(send).named("failed"))
    async def apologise() -> None: ...

    @tasks.task(triggers=on_cron("0 3 * * *").with_args_from_cron(of_slot).named("slot"))
    async def nightly(n: int) -> None: ...

    @tasks.task
    async def outer() -> None:
        current().emit("inner", {})

    return tasks


@pytest.fixture(autouse=True)
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODE, "broken", True)


def mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODE, "broken", False)


async def sound(t: Kit) -> None:
    await t.settle()
    await t.engine.runs.list()
    found = await verified(t.engine.store, 7)
    assert found.well, (found.flaws, found.views)


# Runs.


async def test_a_failed_run_fires_under_its_own_id_once(open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_kit(program()) as t:
        event = await t.emit("made", {"n": 4})
        await t.settle()
        (failed,) = (await t.engine.runs.list()).items
        assert failed.outcome == "failed"
        log = await records(t)
        retry = t.engine.corrections.retry_runs
        (still,) = await retry([failed.id], dry_run=True)
        assert (still.done, "failed again (raised: RuntimeError: not today)" in still.says) == (False, True)
        assert await records(t) == log, "a dry run says nothing"
        (still,) = await retry([failed.id], author="ada")
        assert not still.done
        await sound(t)
        mend(monkeypatch)
        (dry,) = await retry([failed.id], dry_run=True)
        assert (dry.done, dry.says) == (True, 'fired with {"n":4}')
        (done,) = await retry([failed.id], author="ada")
        assert (done.done, done.new) == (True, failed.id)
        await sound(t)
        (run,) = (await t.engine.runs.list()).items
        detail = await t.engine.runs.get(failed.id)
        assert (run.id, run.outcome, run.author) == (failed.id, "fired", "ada")
        assert detail.arguments == {"n": 4}
        assert [each.source for each in detail.participants] == [event.id]
        assert t.ran(program_task(t, "work")) == [{"n": 4}]
        invocation = (await t.engine.invocations.list(task="work")).items[0]
        assert (invocation.run, invocation.trigger) == (failed.id, "work/made")
        assert (await t.engine.trace(event.id)).nodes == 3
        (again,) = await retry([failed.id])
        assert (again.done, again.says) == (False, "left alone: it fired")
        assert [(each.author, each.run) for each in await facts(t, RunFailed)] == [(None, None), ("ada", failed.id)]
        assert [(each.author, each.run) for each in await facts(t, TriggerFired)] == [("ada", failed.id)]
        shown = next(each for each in await t.engine.triggers.list() if each.name == "work/made")
        assert (shown.fired, shown.failed, shown.matched) == (1, 2, 1)
        assert (await t.engine.events.get(event.id)).triggered == 1
        assert (await t.engine.explain("work/made", event=event.id)).verdict == "fired"


def program_task(t: Kit, name: str) -> Any:
    return next(
        each for router in t.engine.program.sources for each in router.declared_tasks.values() if each.name == name
    )


async def test_the_retry_bears_the_ids_that_the_run_would_have_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded late is the run that was decided then, and no other."""
    async with engine_for(program(), now="2026-01-01T00:00Z") as t:
        await t.emit("made", {"n": 4})
        await t.advance("4h")
        failed = [each.id for each in (await t.engine.runs.list(outcome="failed")).items]
        assert len(failed) == 2
        mend(monkeypatch)
        assert all(each.done for each in await t.engine.corrections.retry_runs(failed))
        await sound(t)
        assert {each.id for each in (await t.engine.runs.list(outcome="fired")).items} == set(failed)
        assert t.ran(program_task(t, "nightly")) == [{"n": 7}]


async def test_two_who_retry_at_once_fire_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async with engine_for(program()) as t:
        await t.emit("made", {"n": 4})
        await t.settle()
        mend(monkeypatch)
        (failed,) = (await t.engine.runs.list()).items
        several = await asyncio.gather(*(t.engine.corrections.retry_runs([failed.id]) for _ in range(5)))
        assert sum(each.done for (each,) in several) == 1
        await sound(t)
        assert t.ran(program_task(t, "work")) == [{"n": 4}]


# Conditions.


async def test_a_condition_is_asked_again_under_its_match(open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_kit(program()) as t:
        for n in (3, 0):
            await t.emit("asked", {"n": n})
        await t.settle()
        positions = [each.position for each in (await t.engine.problems.list(kind="ConditionFailed")).items][::-1]
        retry = t.engine.corrections.retry_conditions
        assert [each.done for each in await retry(positions)] == [False, False]
        mend(monkeypatch)
        yes, no = await retry(positions, author="ada", dry_run=True)
        assert (yes.done, no.done) == (True, False)
        assert "says no: payload passes fragile" in no.says
        assert not await facts(t, TriggerFired)
        yes, no = await retry(positions, author="ada")
        assert yes.says == f"fired: run {yes.new}"
        await sound(t)
        assert t.ran(program_task(t, "ask")) == [{"n": 3}]
        (fired,) = await facts(t, TriggerFired)
        assert fired.author == "ada"
        yes, no = await retry(positions)
        assert (yes.done, yes.says) == (False, "left alone: the trigger has fired for it")


async def test_a_condition_of_a_join_waits_or_finds_its_partner(monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine_for(program()) as t:
        for k in (1, 2):
            await t.emit("left", {"k": k, "n": 1})
        await t.emit("right", {"k": 2})
        await t.settle()
        problems = (await t.engine.problems.list(kind="ConditionFailed")).items
        positions = [each.position for each in problems][::-1]
        mend(monkeypatch)
        one, two = await t.engine.corrections.retry_conditions(positions, author="ada")
        assert one.says.startswith("matched: waits for partners until 2026-01-01T01:00:00")
        assert two.says.startswith("fired: run")
        await sound(t)
        (matched,) = [each for each in await facts(t, ConditionMatched) if each.author]
        assert matched.author == "ada"
        (again, _) = await t.engine.corrections.retry_conditions(positions)
        assert again.says == "left alone: its match was recorded already"
        await t.emit("right", {"k": 1})
        await sound(t)
        assert len(t.ran(program_task(t, "both"))) == 2
        await t.emit("left", {"k": 3, "n": 1})
        monkeypatch.setitem(CODE, "broken", True)
        await t.emit("left", {"k": 4, "n": 1})
        await t.advance("2h")
        mend(monkeypatch)
        late = [each.fact for each in await records(t) if isinstance(each.fact, ConditionFailed)][-1]
        position = next(each.position for each in await records(t) if each.fact is late)
        await t.emit("right", {"k": 4})
        await t.settle()
        (found,) = await t.engine.corrections.retry_conditions([position])
        assert (found.done, "its window passed at" in found.says) == (False, True), "a partner that came too late"
        await t.advance("2h")
        (found,) = await t.engine.corrections.retry_conditions([position])
        assert (found.done, "its window passed at" in found.says) == (False, True)


# Events.


async def test_events_are_emitted_again_only_where_nothing_ran(
    open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend(monkeypatch)
    async with open_kit(program()) as t:
        low, high = await t.emit("sent", {"n": 1}), await t.emit("sent", {"n": 9})
        await t.settle()
        log = await records(t)
        reemit = t.engine.corrections.reemit

        def larger(payload: Any) -> Any:
            return {"n": payload["n"] * 10}

        one, other = await reemit([low.id, high.id], edit=larger, author="ada", dry_run=True)
        assert (one.done, one.says) == (True, 'emitted again with {"n":10}')
        assert (other.done, other.says) == (False, "left alone: 1 runs came of it")
        assert await records(t) == log
        one, other = await reemit([low.id, high.id], edit=larger, author="ada")
        await sound(t)
        assert t.ran(program_task(t, "send")) == [{"n": 9}, {"n": 10}]
        again = (await facts(t, EventEmitted))[-1]
        assert (again.corrects, again.author) == (low.id, "ada")
        assert (await t.engine.events.get(str(one.new))).cause == low.id
        (twice,) = await reemit([low.id], edit=larger)
        assert (twice.done, twice.says) == (False, "was emitted again before")
        assert len(await facts(t, EventEmitted)) == 3
        with pytest.raises(BadValue):
            await reemit([low.id], edit=lambda payload: {"n": float("nan")})
        with pytest.raises(NotFound):
            await reemit(["0" * 32])


async def test_an_event_that_is_not_decided_yet_is_left_alone() -> None:
    async with engine_for(program()) as t:
        await t.engine.triggers.pause_all()
        heard, unheard = await t.emit("sent", {"n": 1}), await t.emit("nobody.hears", {})
        await t.settle()
        found = await t.engine.corrections.reemit([heard.id, unheard.id], dry_run=True)
        assert [each.done for each in found] == [False, True]
        assert "not decided yet" in found[0].says


# Invocations.


async def test_failed_invocations_are_called_again_once(open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_kit(program()) as t:
        await t.emit("sent", {"n": 9})
        await t.settle()
        (failed,) = (await t.engine.invocations.list(status="FAILED")).items
        mend(monkeypatch)
        retry = t.engine.corrections.retry
        (dry,) = await retry([failed.id], dry_run=True)
        assert (dry.done, dry.says) == (True, 'called again with {"n":9}')
        (done,) = await retry([failed.id], author="ada")
        await sound(t)
        assert (await t.engine.invocations.get(str(done.new))).status == "SUCCESS"
        (created,) = await facts(t, InvocationCreated)
        assert (created.corrects, created.author) == (failed.id, "ada")
        again, well = await retry([failed.id, str(done.new)])
        assert again.says == "was called again before: retry that one"
        assert well.says == "left alone: it is SUCCESS"
        assert len(await facts(t, InvocationCreated)) == 1


async def test_what_has_not_ended_is_cancelled() -> None:
    async with engine_for(program(), defaults=Defaults(async_slots=1)) as t:
        later: Handle[Any] = await t.engine.submit("elsewhere.task", n=1)
        ended: Handle[Any] = await t.engine.submit("outer")
        await ended.result(timeout=5)
        cancel = t.engine.corrections.cancel
        dry = await cancel([later.id, ended.id], dry_run=True)
        assert [each.done for each in dry] == [True, False]
        assert (await later.status()) == "REGISTERED"
        done = await cancel([later.id, ended.id], reason="no need", author="ada")
        assert [each.done for each in done] == [True, False]
        assert [each.says for each in await cancel([later.id])] == ["left alone: it has ended"]


async def test_code_that_is_not_here_is_said_to_be_missing() -> None:
    async with engine_for(program()) as t:
        await t.emit("made", {"n": 1})
        await t.emit("asked", {"n": 1})
        await t.settle()
        (run,) = (await t.engine.runs.list()).items
        (problem,) = (await t.engine.problems.list(kind="ConditionFailed")).items
        none = Tasks()

        @none.task
        async def work() -> None: ...

        from ensue.program import assemble

        t.engine._program = assemble([none])
        found: list[Corrected] = [
            *await t.engine.corrections.retry_runs([run.id]),
            *await t.engine.corrections.retry_conditions([problem.position]),
        ]
        assert [each.done for each in found] == [False, False]
        assert all("name the program with --app" in each.says for each in found)
        with pytest.raises(NotFound, match="no failed condition at position '1'"):
            await t.engine.corrections.retry_conditions([1])
