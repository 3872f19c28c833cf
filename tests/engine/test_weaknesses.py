"""None of the weaknesses that were measured in the seed (W1 to W16) exists here."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from ensue import (
    DeclarationError,
    Defaults,
    EventContext,
    ExceptionContext,
    ResultContext,
    StatusContext,
    Tasks,
    current,
    on_cron,
    on_event,
    on_exception,
    on_status,
    on_success,
)
from ensue_core.facts import AttemptEnded, ConditionFailed, CronTicked, RunFailed, TriggerFired
from ensue_core.ports import Committed, Outrun, Step, Superseded
from tests.engine.kits import OpenKit, facts, fired, records
from tests.engine.test_chain import QUICK, scheduler


def reacting() -> Tasks:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event("n").named("go"))
    async def react(n: int) -> int:
        return n

    return tasks


async def test_w01_a_process_that_dies_while_it_leads_stops_nothing(open_virtual: OpenKit) -> None:
    async with open_virtual(Tasks(), service="other"):
        pass
    tasks = reacting()
    async with open_virtual(tasks, defaults=QUICK) as first:
        # It leads, and dies without a word: its lease stands, and so would its claim.
        dead = scheduler(first, "dead", tasks)
        await first.engine.store.leases.release("leader/main", first._running.name)
        await dead.declare()
        await dead._beat()
        await first.emit("go", {"n": 1})
        await first.advance("20s")
        assert first.ran("react") == [{"n": 1}]


async def test_w02_a_schedule_fires_on_its_slots_only_whatever_starts_and_restarts(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_cron("17 3 29 2 *"))
    async def leap() -> None: ...

    for day in (1, 2, 3):
        async with open_virtual(tasks, now=f"2026-11-0{day}T12:00:00Z") as t:
            await t.advance("1h")
            assert await facts(t, CronTicked) == []


def why(context: ExceptionContext) -> dict[str, Any]:
    return {"n": context.arguments["n"]}


async def test_w03_failures_of_one_type_are_as_many_failures(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def work(n: int) -> None:
        raise ValueError("always the same")

    @tasks.task(triggers=on_exception(work, ValueError).with_args_from_exception(why))
    async def compensate(n: int) -> None: ...

    async with open_kit(tasks) as t:
        for n in range(8):
            await t.submit(work, n)
        await t.settle()
        assert sorted(each["n"] for each in t.ran(compensate)) == [*range(8)]


async def test_w04_what_still_waits_in_a_join_fires_its_other_triggers_once(open_virtual: OpenKit) -> None:
    tasks = reacting()

    @tasks.task(triggers=on_event("go").by("n") & on_event("never").by("n"))
    async def joined() -> None: ...

    async with open_virtual(tasks) as t:
        await t.emit("go", {"n": 1})
        for _ in range(5):
            await t.advance("61s")
        assert t.ran("react") == [{"n": 1}]


async def test_w05_a_death_after_the_decision_loses_no_reaction(open_virtual: OpenKit) -> None:
    async with open_virtual(reacting(), defaults=QUICK) as t:
        decisions = t.engine.store.decisions
        commit, landed = decisions.commit, asyncio.Event()

        async def lands_and_hangs(step: Step) -> Committed | Superseded | Outrun:
            outcome = await commit(step)
            if any(isinstance(each.fact, TriggerFired) for each in step.facts):
                landed.set()
                await asyncio.Event().wait()
            return outcome

        decisions.commit = lands_and_hangs  # type: ignore[method-assign]
        await t.emit("go", {"n": 1})
        await t.advance("1s")
        assert landed.is_set()
        assert await facts(t, AttemptEnded) == []
        now = t.now
    async with open_virtual(reacting(), defaults=QUICK, now=now) as t:
        await t.advance("10s")
        assert t.results("react") == [1]
        assert len(await facts(t, TriggerFired)) == 1


async def test_w06_of_many_who_decide_at_once_one_is_effective(open_virtual: OpenKit) -> None:
    tasks = reacting()

    @tasks.task(triggers=on_cron("*/2 * * * * *", catchup="all"))
    async def tick() -> None: ...

    async with open_virtual(tasks, defaults=QUICK) as t:
        others = [scheduler(t, f"other{n}", tasks) for n in range(4)]
        for each in others:
            await each.declare()
            each._leads = True
        await t.engine.emit_many("go", [{"n": n} for n in range(150)])
        runs = [asyncio.ensure_future(each.run()) for each in others]
        await t.advance("20s")
        for run in runs:
            run.cancel()
        assert sorted(each["n"] for each in await fired(t, tasks.declared_tasks["react"])) == [*range(150)]
        slots = [each.slot for each in await facts(t, CronTicked)]
        assert len(slots) == len(set(slots)) == 10


async def test_w07_an_end_and_what_reacts_to_it_cannot_come_apart(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def work() -> None: ...

    @tasks.task(triggers=on_success(work))
    async def after() -> None: ...

    async with open_kit(tasks) as t:
        await t.engine.triggers.pause_all()
        await (await t.submit(work)).result(timeout=5)
        # The end is in the log, nobody has reacted, and the process goes.
    async with open_kit(tasks) as t:
        await t.engine.triggers.resume_all("catch up")
        await t.settle()
        assert len(t.ran(after)) == 1


def poisonous(value: Any) -> bool:
    raise RuntimeError("poison")


def poisonous_provider(context: EventContext[Any] | ResultContext[Any]) -> dict[str, Any]:
    raise RuntimeError("poison")


async def test_w08_a_raising_event_filter_reaches_neither_emitter_nor_the_other_listeners(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go", poisonous))
    async def a_poisoned() -> None: ...

    @tasks.task(triggers=on_event("go"))
    async def b_other() -> None: ...

    async with open_kit(tasks) as t:
        assert (await t.emit("go", {})).position
        await t.settle()
        assert (t.ran(a_poisoned), len(t.ran(b_other)), len(await facts(t, ConditionFailed))) == ([], 1, 1)


async def test_w09_a_raising_result_filter_leaves_the_upstream_successful(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def upstream() -> int:
        return 1

    @tasks.task(triggers=on_success(upstream, poisonous))
    async def downstream() -> None: ...

    async with open_kit(tasks) as t:
        handle = await t.submit(upstream)
        await t.settle()
        assert (await handle.result(), await handle.status()) == (1, "SUCCESS")
        assert t.failures() == []


async def test_w10_a_raising_provider_ends_no_process(open_kit: OpenKit) -> None:
    tasks = reacting()

    @tasks.task(triggers=on_event("go").with_args_from_event(poisonous_provider))
    async def poisoned(n: int) -> None: ...

    async with open_kit(tasks) as t:
        for n in (1, 2):
            await t.emit("go", {"n": n})
        await t.settle()
        assert ([each["n"] for each in t.ran("react")], len(await facts(t, RunFailed))) == ([1, 2], 2)


async def test_w11_an_event_from_before_the_first_worker_reacts(open_kit: OpenKit) -> None:
    async with open_kit(Tasks(), service="other") as t:
        await t.emit("go", {"n": 1})
    async with open_kit(reacting()) as t:
        await t.settle()
        assert t.ran("react") == [{"n": 1}]


async def test_w12_triggers_with_equal_conditions_do_not_overwrite_each_other(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=[on_event("go").with_args_static({"n": 1}), on_event("go").with_args_static({"n": 2})])
    async def react(n: int) -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("go", {})
        await t.settle()
        assert sorted(each["n"] for each in t.ran(react)) == [1, 2]


@pytest.mark.parametrize("pace", ["together", "apart"])
async def test_w13_a_join_pairs_what_belongs_together_whatever_the_timing(open_kit: OpenKit, pace: str) -> None:
    tasks = Tasks()

    @tasks.task
    async def work(n: int) -> int:
        return n

    @tasks.task(triggers=(on_status(work, "RUNNING") & on_success(work)).with_args_from_status("n"))
    async def both(n: int) -> None: ...

    async with open_kit(tasks) as t:
        for n in range(3):
            await t.submit(work, n)
            if pace == "apart":
                await t.settle()
        await t.settle()
        assert sorted(each["n"] for each in t.ran(both)) == [0, 1, 2]
        for run in await facts(t, TriggerFired):
            assert len({each.source for each in run.participants}) == 1
        assert (await t.engine.store.decisions.load("main")).waiting == ()


async def test_w14_each_minute_of_the_hour_can_fire(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=[on_cron(f"{minute} * * * *").named(f"m{minute}") for minute in range(60)])
    async def tick() -> None: ...

    async with open_virtual(tasks, now="2026-01-01T00:00:30Z") as t:
        await t.advance("1h")
        assert len({each.trigger for each in await facts(t, CronTicked)}) == 60
        assert len(t.ran(tick)) == 60


def test_w15_an_empty_list_of_statuses_is_refused_where_it_is_declared() -> None:
    tasks = Tasks()
    with pytest.raises(DeclarationError):
        tasks.task(triggers=on_status("work", []), name="react")(reaction)


async def reaction() -> None: ...


def attempt(context: StatusContext) -> dict[str, Any]:
    return {"attempt": context.attempt}


async def test_w16_each_retry_of_one_invocation_is_its_own(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(max_retries=3, retry_first="1ms")
    async def work() -> None:
        if current().attempt < 4:
            raise ValueError("again")

    @tasks.task(triggers=on_status(work, "RETRY").with_args_from_status(attempt))
    async def noticed(attempt: int) -> None: ...

    async with open_kit(tasks) as t:
        await t.submit(work)
        await t.settle()
        assert sorted(each["attempt"] for each in t.ran(noticed)) == [1, 2, 3]


async def test_nothing_of_all_this_leaves_a_gap_in_the_log(open_kit: OpenKit) -> None:
    async with open_kit(reacting(), defaults=Defaults(lease_seconds=1e6, heartbeat_seconds=1e5)) as t:
        with contextlib.suppress(Exception):
            await t.emit("go", {"n": float("nan")})
        await t.emit("go", {"n": 1})
        await t.settle()
        assert [each.position for each in await records(t)] == [*range(1, len(await records(t)) + 1)]
