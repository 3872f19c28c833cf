"""The chain of Steps under a store that lets others come first, or does not say what became of a commit."""

from __future__ import annotations

import asyncio
from typing import Any

from ensue import Defaults, Tasks, on_cron, on_event
from ensue.scheduler.asking import InlineAsker
from ensue.scheduler.people import pause_trigger, resume_trigger
from ensue.scheduler.scheduler import Scheduler
from ensue.scheduler.state import ChainState
from ensue.scheduler.steps import commit_facts
from ensue.testing import Kit
from ensue_core.errors import CommitUnknown
from ensue_core.facts import (
    AttemptEnded,
    CronTicked,
    Decided,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    WindowExpired,
)
from ensue_core.ports import Committed, Outrun, Step, Superseded
from tests.engine.kits import OpenKit, facts, records

QUICK = Defaults(lease_seconds=6, heartbeat_seconds=2)
_answers: list[bool] = []


def fickle(payload: Any) -> bool:
    """Answer what stands next in a list; no once it is empty."""
    return _answers.pop(0) if _answers else False


def program() -> Tasks:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event("n").named("go"))
    async def react(n: int) -> None: ...

    @tasks.task(triggers=(on_event("a", fickle).by("k") & on_event("b").by("k")).within("10s").named("pair"))
    async def joined() -> None: ...

    @tasks.task(triggers=on_event("other").named("other"))
    async def other() -> None: ...

    return tasks


def decides(step: Step) -> bool:
    return any(isinstance(each.fact, TriggerFired) for each in step.facts)


def pauses(state: ChainState, head: int, now: int) -> list[Any]:
    return pause_trigger(state, "react/go", "ada")


async def test_a_scheduler_that_comes_second_decides_anew_by_what_came_first(open_kit: OpenKit) -> None:
    async with open_kit(program()) as t:
        decisions, outcomes = t.engine.store.decisions, list[Any]()
        commit = decisions.commit

        async def outrun(step: Step) -> Committed | Superseded | Outrun:
            if decides(step) and not outcomes:
                outcomes.append(None)
                await commit_facts(t.engine.store, "main", pauses)
                outcomes[0] = await commit(step)
            return await commit(step) if not outcomes or outcomes[0] is None else await _once(outcomes, commit, step)

        decisions.commit = outrun  # type: ignore[method-assign]
        for n in range(3):
            await t.emit("go", {"n": n})
        await t.settle()
        assert isinstance(outcomes[0], Superseded)
        assert t.ran("react") == [], "it was paused before"
        await t.engine.triggers.resume("react/go", "catch up")
        await t.settle()
        assert sorted(each["n"] for each in t.ran("react")) == [0, 1, 2]
        await _is_one_chain(t)


async def _once(outcomes: list[Any], commit: Any, step: Step) -> Any:
    """Hand the first outcome out once, then commit what comes."""
    if len(outcomes) == 1:
        outcomes.append("told")
        return outcomes[0]
    return await commit(step)


async def _is_one_chain(kit: Kit) -> None:
    last = ""
    for record in await records(kit):
        if isinstance(record.fact, Decided):
            assert record.fact.after == last
            last = record.id


async def test_a_commit_that_landed_unanswered_is_not_decided_again_whatever_user_code_says_now(
    open_kit: OpenKit,
) -> None:
    """At first the Step is not found either: "not in the chain" may mean "not yet"."""
    _answers[:] = [True, True, True]
    async with open_kit(program()) as t:
        decisions = t.engine.store.decisions
        commit, find, unknown = decisions.commit, decisions.find_step, list[str]()

        async def unanswered(step: Step) -> Committed | Superseded | Outrun:
            outcome = await commit(step)
            if (
                step.facts
                and not unknown
                and any("ConditionMatched" in type(each.fact).__name__ for each in step.facts)
            ):
                unknown.append(step.id)
                raise CommitUnknown("the answer was lost")
            return outcome

        async def not_yet(service: str, step: Any) -> Committed | None:
            if step in unknown:
                unknown[:] = ["said once"]
                return None
            return await find(service, step)

        decisions.commit, decisions.find_step = unanswered, not_yet  # type: ignore[method-assign]
        await t.emit("a", {"k": 1})
        await t.settle()
        assert unknown == ["said once"]
        for _ in range(2):
            await t.emit("b", {"k": 1})
        await t.settle()
        assert len(t.ran("joined")) == 1
        assert _answers == [True, True], "it was asked about its event once"
        await _is_one_chain(t)


async def test_what_a_step_started_runs_though_its_commit_went_unanswered(open_kit: OpenKit) -> None:
    async with open_kit(program()) as t:
        decisions = t.engine.store.decisions
        commit, unknown = decisions.commit, list[str]()

        async def unanswered(step: Step) -> Committed | Superseded | Outrun:
            outcome = await commit(step)
            if decides(step) and not unknown:
                unknown.append(step.id)
                raise CommitUnknown("the answer was lost")
            return outcome

        decisions.commit = unanswered  # type: ignore[method-assign]
        await t.emit("go", {"n": 1})
        await t.settle()
        assert unknown
        assert [(each.status, each.attempt) for each in await facts(t, AttemptEnded)] == [("SUCCESS", 1)]


async def test_deadlines_pass_in_order_with_the_records_though_the_log_is_busy(open_virtual: OpenKit) -> None:
    tasks = program()

    @tasks.task(triggers=on_cron("*/5 * * * * *", catchup="all").named("five"))
    async def tick() -> None: ...

    _answers[:] = [True]
    defaults = Defaults(batch_records_max=2, lease_seconds=1e7, heartbeat_seconds=1e6, poll_seconds=1e6)
    async with open_virtual(tasks, defaults=defaults) as t:
        await t.emit("a", {"k": 1})
        await t.settle()
        await t.engine.triggers.pause_all()
        for n in range(9):
            await t.advance("3s")
            await t.emit("go", {"n": n})
        await t.emit("b", {"k": 1})
        await t.engine.triggers.resume_all("catch up")
        await t.settle()
        assert [each["n"] for each in t.ran("react")] == [*range(9)]
        assert (len(await facts(t, WindowExpired)), t.ran("joined")) == (1, [])
        assert len(await facts(t, CronTicked)) == 5
        await _is_one_chain(t)


def scheduler(kit: Kit, name: str, tasks: Tasks) -> Scheduler:
    from ensue import Engine

    return Scheduler(
        kit.engine.store, Engine("memory:", tasks=[tasks]).program, kit.engine.clock, QUICK,
        service="main", process=name, asker=InlineAsker(),
    )  # fmt: skip


async def test_a_paused_trigger_lags_and_meets_the_chain_again(open_kit: OpenKit) -> None:
    async with open_kit(
        program(), defaults=Defaults(batch_records_max=3, lease_seconds=1e6, heartbeat_seconds=1e5)
    ) as t:
        await t.engine.triggers.pause("react/go")
        for n in range(10):
            await t.emit("go", {"n": n})
            await t.emit("other", {})
        await t.settle()
        await commit_facts(
            t.engine.store,
            "main",
            lambda state, head, now: resume_trigger(state, head, now, "react/go", "catch up", "ada"),
        )
        await t.settle()
        assert sorted(each["n"] for each in t.ran("react")) == [*range(10)]
        assert len(await facts(t, TriggerPaused)) == 1
        (row,) = [each for each in (await t.engine.store.decisions.load("main")).triggers if each.trigger == "react/go"]
        assert (row.state, row.own) == ("active", None)
        await _is_one_chain(t)


async def test_several_schedulers_on_one_chain_decide_each_thing_once(open_virtual: OpenKit) -> None:
    tasks = program()
    async with open_virtual(tasks, defaults=QUICK) as t:
        others = [asyncio.ensure_future(scheduler(t, f"other{n}", program()).run()) for n in range(3)]
        for n in range(20):
            await t.emit("go", {"n": n})
            await t.advance("500ms")
        await t.advance("10s")
        for each in others:
            each.cancel()
        assert sorted(each["n"] for each in t.ran("react")) == [*range(20)]
        assert len(await facts(t, TriggerFired)) == 20
        assert len(await facts(t, TriggerDeclared)) == 3
        await _is_one_chain(t)
