"""The test kit: virtual time, settling, and what it tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ensue import Tasks, WaitTimeout, current, gt, on_cron, on_event, on_exception, on_result, on_status
from ensue.testing import engine_for

tasks = Tasks("kit")


@tasks.resource
async def greeting() -> AsyncIterator[str]:
    yield "hello"


@tasks.task(triggers=on_event("joined").with_args_from_event("name"))
async def greet(name: str) -> dict[str, int]:
    await asyncio.sleep(3600)
    current().emit("greeted", {"text": f"{greeting()} {name}"})
    return {"length": len(name)}


@tasks.task(triggers=on_status(greet) & on_result(greet, {"length": gt(3)}))
def long_name() -> str:
    time.sleep(0.01)
    return "long"


@tasks.task(triggers=on_cron("0 3 * * *"))
async def nightly() -> None: ...


@tasks.task(triggers=on_event("flaky"), max_retries=3)
async def flaky() -> int:
    if current().attempt < 3:
        raise ValueError("not yet")
    return current().attempt


@tasks.task(triggers=on_event("broken"))
async def broken() -> None:
    raise RuntimeError("no")


@tasks.task(triggers=on_exception(broken, RuntimeError))
async def compensate() -> None: ...


@tasks.task(triggers=on_event("stuck"))
async def stuck() -> None:
    await asyncio.Event().wait()


async def test_an_hour_of_sleep_takes_no_time_and_sync_tasks_run_in_threads() -> None:
    began = time.monotonic()
    async with engine_for(tasks) as t:
        await t.emit("joined", {"name": "Grace"})
        await t.emit("joined", {"name": "Ada"})
        await t.settle("2h")
        assert t.ran(greet) == [{"name": "Grace"}, {"name": "Ada"}]
        assert t.results(long_name) == ["long"]
        assert t.emitted("greeted") == [{"text": "hello Grace"}, {"text": "hello Ada"}]
        assert t.now >= datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert time.monotonic() - began < 30


async def test_days_pass_and_each_slot_ticks_once() -> None:
    async with engine_for(tasks, now="2026-03-01T00:00Z") as t:
        await t.advance("10d")
        assert len(t.ran(nightly)) == 10
        assert t.now == datetime(2026, 3, 11, tzinfo=UTC)


async def test_retries_wait_in_virtual_time() -> None:
    async with engine_for(tasks) as t:
        await t.emit("flaky")
        await t.settle()
        assert t.results(flaky) == [3]


async def test_failures_are_told_and_compensated() -> None:
    async with engine_for(tasks) as t:
        await t.emit("broken")
        await t.settle()
        assert t.failures() == ["kit.broken: builtins.RuntimeError: no"]
        assert t.ran(compensate) == [{}]


async def test_a_resource_is_overridden() -> None:
    async with engine_for(tasks, overrides={greeting: "bonjour"}) as t:
        await t.emit("joined", {"name": "Zoe"})
        await t.settle("2h")
        assert t.emitted("greeted") == [{"text": "bonjour Zoe"}]


async def test_what_never_ends_is_named() -> None:
    async with engine_for(tasks) as t:
        await t.emit("stuck")
        with pytest.raises(WaitTimeout, match=r"kit\.stuck does not end"):
            await t.settle("1m")


async def test_real_time_is_back_afterwards() -> None:
    loop = asyncio.get_running_loop()
    async with engine_for(tasks) as t:
        await t.advance("1d")
    began = loop.time()
    await asyncio.sleep(0.01)
    assert 0.005 < loop.time() - began < 10


async def test_the_fixture_is_the_same(engine_for: object) -> None:
    from ensue.testing import engine_for as imported

    assert engine_for is imported
