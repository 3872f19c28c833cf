"""What people decide: pausing, resuming, firing by hand, cancelling; and services and namespaces beside each other."""

from __future__ import annotations

import asyncio

import pytest

from ensue import CodeMissing, Engine, NotFound, TaskCancelled, Tasks, current, on_cron, on_event, on_status, on_success
from ensue.scheduler.state import ChainState
from ensue.scheduler.steps import commit_facts
from ensue_core.facts import AttemptStarted, CronTicked, TriggerFired, TriggerPaused
from tests.engine.kits import OpenKit, facts, fired


def reacting() -> Tasks:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event("n").named("go"))
    async def react(n: int) -> int:
        return n

    return tasks


async def test_a_paused_trigger_is_not_asked_and_resuming_from_now_skips_what_came(open_kit: OpenKit) -> None:
    tasks = reacting()
    react = tasks.declared_tasks["react"]
    async with open_kit(tasks) as t:
        assert await t.engine.triggers.pause("react/go", author="ada")
        assert not await t.engine.triggers.pause("react/go")
        await t.emit("go", {"n": 1})
        await t.settle()
        assert await fired(t, react) == []
        assert await t.engine.triggers.resume("react/go", "now")
        await t.emit("go", {"n": 2})
        await t.settle()
        assert [each["n"] for each in await fired(t, react)] == [2]


async def test_resuming_by_catching_up_asks_what_came_once(open_kit: OpenKit) -> None:
    tasks = reacting()
    react = tasks.declared_tasks["react"]
    async with open_kit(tasks) as t:
        await t.emit("go", {"n": 0})
        await t.settle()
        await t.engine.triggers.pause("react/go")
        for n in (1, 2):
            await t.emit("go", {"n": n})
        await t.settle()
        await t.engine.triggers.resume("react/go", "catch up")
        await t.emit("go", {"n": 3})
        await t.settle()
        assert sorted(each["n"] for each in await fired(t, react)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("start", "expected"), [("now", [3]), ("catch up", [1, 2, 3])])
async def test_a_whole_service_can_be_paused(open_kit: OpenKit, start: str, expected: list[int]) -> None:
    tasks = reacting()
    react = tasks.declared_tasks["react"]
    async with open_kit(tasks) as t:
        assert await t.engine.triggers.pause_all() == ["main"]
        for n in (1, 2):
            await t.emit("go", {"n": n})
        await asyncio.sleep(0)
        assert await fired(t, react) == []
        assert await t.engine.triggers.resume_all(start) == ["main"]  # type: ignore[arg-type]
        await t.emit("go", {"n": 3})
        await t.settle()
        assert [each["n"] for each in await fired(t, react)] == expected


async def test_a_paused_schedule_misses_its_slots_when_resumed_from_now(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_cron("0 * * * *").named("hourly"))
    async def react() -> None: ...

    async with open_virtual(tasks, now="2026-01-01T10:30:00Z") as t:
        await t.engine.triggers.pause("react/hourly")
        await t.advance("3h")
        await t.engine.triggers.resume("react/hourly", "now")
        await t.settle()
        assert await facts(t, CronTicked) == []
        await t.advance("1h")
        assert len(await facts(t, CronTicked)) == 1


async def test_a_trigger_can_be_fired_by_hand_even_while_it_is_paused(open_kit: OpenKit) -> None:
    tasks = reacting()
    react = tasks.declared_tasks["react"]
    async with open_kit(tasks) as t:
        await t.engine.triggers.pause("react/go")
        by_hand = await t.engine.triggers.fire("react/go", {"n": 5}, author="ada")
        await t.settle()
        assert t.ran(react) == [{"n": 5}]
        (run,) = await facts(t, TriggerFired)
        assert (run.author, run.participants, run.invocation) == ("ada", (), by_hand.invocation)
        with pytest.raises(NotFound):
            await t.engine.triggers.fire("react/nobody")


async def test_a_cancelled_invocation_never_starts_or_stops_and_never_succeeds(open_kit: OpenKit) -> None:
    tasks = Tasks()
    started = asyncio.Event()

    @tasks.task
    async def work() -> None:
        started.set()
        await asyncio.sleep(3_600)

    @tasks.task(triggers=on_status(work, "CANCELLED"))
    async def noticed() -> None: ...

    @tasks.task(triggers=on_success(work))
    async def never() -> None: ...

    async with open_kit(tasks) as t:
        handle = await t.submit(work)
        if open_kit.kind == "memory":
            await t.advance("1s")
        await started.wait()
        assert await handle.cancel()
        await t.settle()
        assert not await handle.cancel()
        with pytest.raises(TaskCancelled):
            await handle.result(timeout=1)
        assert (len(t.ran(noticed)), t.ran(never)) == (1, [])


async def test_two_services_on_one_log_decide_apart_and_hear_each_other(open_kit: OpenKit) -> None:
    billing, shipping = Tasks("billing"), Tasks("shipping")

    @billing.task(triggers=on_event("paid").with_args_from_event("n"))
    async def charge(n: int) -> int:
        current().emit("charged", {"n": n})
        return n

    @shipping.task(triggers=on_event("charged").with_args_from_event("n"))
    async def ship(n: int) -> None: ...

    @shipping.task(triggers=on_event("paid"))
    async def prepare() -> None: ...

    async with open_kit(billing, service="billing") as t:
        await t.emit("paid", {"n": 1})
        await t.settle()
        assert (len(t.ran(charge)), t.ran(prepare)) == (1, [])
    async with open_kit(shipping, service="shipping") as t:
        await t.settle()
        assert (len(t.ran(prepare)), t.ran(ship)) == (1, [{"n": 1}])
    async with open_kit(billing, service="billing") as t:
        await t.settle()
        runs = await facts(t, TriggerFired)
        assert sorted(each.task for each in runs) == ["billing.charge", "shipping.prepare", "shipping.ship"]
        assert {each.service for each in runs} == {"billing", "shipping"}
        assert len(await facts(t, AttemptStarted)) == 3


async def test_nothing_crosses_namespaces(open_kit: OpenKit) -> None:
    tasks = reacting()
    url = str(getattr(open_kit, "url"))  # noqa: B009
    async with open_kit(tasks) as t, Engine(url, tasks=[reacting()], app_id="elsewhere") as other:
        mine = await t.emit("go", {"n": 1}, idempotency_key="k")
        theirs = await other.emit("go", {"n": 2}, idempotency_key="k")
        assert (mine.id != theirs.id, theirs.duplicate, theirs.position) == (True, False, 1)
        await other.submit("react", n=8)
        await t.engine.submit("react", n=3)
        await t.settle()
        assert sorted(each["n"] for each in t.ran("react")) == [1, 3]
        assert [each.id for each in (await other.events.list()).items] == [theirs.id]
        assert [each.id for each in (await t.engine.events.list()).items] == [mine.id]
        with pytest.raises(NotFound):
            await other.events.get(mine.id)
        with pytest.raises(NotFound):
            await t.engine.events.get(theirs.id)
        assert [each.status for each in (await other.invocations.list()).items] == ["REGISTERED"]
        assert list((await other.runs.list()).items) == []
        assert await other.triggers.list() == []
        assert await other.store.work.queued() == 1


async def test_a_trigger_that_waits_for_its_code_cannot_be_resumed_by_hand(open_virtual: OpenKit) -> None:
    def lacking(state: ChainState, head: int, now: int) -> list[TriggerPaused]:
        return [TriggerPaused("main", "react/go", state.row.through, "takeover", "engine")]

    async with open_virtual(reacting()) as t:
        await commit_facts(t.engine.store, "main", lacking)
        with pytest.raises(CodeMissing):
            await t.engine.triggers.resume("react/go", "now")
