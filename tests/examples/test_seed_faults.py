"""Faults that pynenc 0.4 was measured to have, and that cannot happen here.

Those that other tests show already are listed in docs/decisions/0004-parity.md.
"""

from __future__ import annotations

import asyncio

from ensue import Engine, Tasks, on_cron, on_event, on_exception
from ensue.testing import engine_for


def minutely() -> Tasks:
    """One task for each minute of the hour."""
    tasks = Tasks()
    for minute in range(60):

        @tasks.task(name=f"at_{minute}", triggers=on_cron(f"{minute} * * * *"))
        async def slot() -> None: ...

    return tasks


async def test_each_minute_of_the_hour_can_be_scheduled() -> None:
    async with engine_for(minutely(), now="2026-01-01T00:00:30Z") as t:
        await t.advance("1d")
        assert {minute: len(t.ran(f"at_{minute}")) for minute in range(60)} == dict.fromkeys(range(60), 24)


async def test_a_restart_fires_no_schedule() -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_cron("17 3 29 2 *"))
    async def leap_day() -> None: ...

    for hour in range(3):
        async with engine_for(tasks, now=f"2026-11-23T{hour:02}:00Z", store="memory:restarts") as t:
            await t.settle()
            await t.advance("30m")
            assert t.ran(leap_day) == []


async def test_a_match_that_waits_in_a_join_fires_no_other_trigger_again() -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("paid"))
    async def alone() -> None: ...

    @tasks.task(triggers=on_event("paid").by("order") & on_event("packed").by("order"))
    async def together() -> None: ...

    async with engine_for(tasks) as t:
        await t.emit("paid", {"order": 1})
        await t.settle()
        await t.advance("6h")
        assert t.ran(alone) == [{}]
        await t.emit("packed", {"order": 1})
        await t.settle()
        assert t.ran(alone) == [{}]
        assert t.ran(together) == [{}]


async def test_an_event_that_came_before_the_first_worker_is_reacted_to() -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("early").with_args_from_event("n"))
    async def react(n: int) -> None: ...

    async with Engine("memory:early", tasks=[tasks], app_id="test") as client:
        await client.emit("early", {"n": 1})
        await client.emit("early", {"n": 2})
        async with engine_for(tasks, store="memory:early", now="2036-01-01T00:00Z") as t:
            await t.settle()
            assert t.ran(react) == [{"n": 1}, {"n": 2}]


async def test_equal_failures_of_many_invocations_are_each_compensated() -> None:
    tasks = Tasks()

    @tasks.task
    async def fail(n: int) -> None:
        await asyncio.sleep(0)
        raise ValueError("always the same")

    @tasks.task(triggers=on_exception(fail, "ValueError").with_args_from_exception("n"))
    async def compensate(n: int) -> None: ...

    async with engine_for(tasks) as t:
        for n in range(8):
            await t.submit(fail, n)
        await t.settle()
        assert sorted(each["n"] for each in t.ran(compensate)) == list(range(8))
