"""Events, runs and invocations: filters, pages, and one of each whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from ensue import Engine, Status
from ensue.queries import RunView
from ensue_core.errors import BadId, BadQuery, NotFound, UnknownStatus
from tests.queries import shop


@pytest.fixture(params=["memory:", "sqlite"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """A shop in which two orders were paid and one event was heard by nobody."""
    url = request.param if request.param == "memory:" else f"sqlite:///{tmp_path}/shop.db"
    shop_engine = Engine(url, tasks=[shop.tasks])
    # No projector: queries must keep themselves fresh.
    async with shop_engine.running(only={"scheduler", "worker"}):
        for order in (1, 2):
            paid = await shop_engine.emit("order.paid", {"order": order})
            await paid.settled(timeout=20)
        await shop_engine.emit("noise", {"n": 1}, idempotency_key="once")
        yield shop_engine


async def test_events_are_listed_newest_first_with_what_came_of_them(engine: Engine) -> None:
    page = await engine.events.list()
    assert page.next is None
    assert [(e.code, e.matched, e.triggered) for e in page.items] == [
        ("noise", 0, 0), ("order.shipped", 1, 1), ("order.paid", 2, 2), ("order.shipped", 1, 1), ("order.paid", 2, 2),
    ]  # fmt: skip
    assert page.items[0].key == "once"
    assert page.items[1].emitter_task == "ship"
    assert page.items[0].time.tzinfo is not None


async def test_events_are_found_by_code_family_time_marks_and_emitter(engine: Engine) -> None:
    every = (await engine.events.list()).items

    async def codes(**filters: object) -> list[str]:
        return [each.code async for each in engine.events.all(**filters)]  # type: ignore[arg-type]

    assert await codes(code="order.paid") == ["order.paid"] * 2
    assert await codes(code="order.*") == [each.code for each in every[1:]]
    assert await codes(matched=False) == ["noise"]
    assert await codes(triggered=True) == [each.code for each in every[1:]]
    assert await codes(task=shop.ship) == ["order.shipped"] * 2
    assert await codes(emitter=every[1].emitter) == ["order.shipped"]
    assert await codes(since=every[0].time) == ["noise"]
    assert await codes(until=every[-1].time) == []
    assert await codes(since=every[-1].time, until=every[0].time + timedelta(seconds=1)) == [e.code for e in every]


async def test_pages_hold_each_event_once_while_the_log_grows(engine: Engine) -> None:
    every = [each.id async for each in engine.events.all()]
    first = await engine.events.list(limit=2)
    await engine.emit("noise", {"n": 2})
    second = await engine.events.list(limit=2, cursor=first.next)
    third = await engine.events.list(limit=2, cursor=second.next)
    assert [each.id for page in (first, second, third) for each in page.items] == every
    assert third.next is None


async def test_an_event_shows_its_payload_and_runs(engine: Engine) -> None:
    listed = (await engine.events.list(code="order.paid")).items[0]
    event = await engine.events.get(listed.id.upper())
    assert event.payload == {"order": 2}
    assert sorted(run.task for run in event.runs) == ["close", "ship"]
    assert (event.id, event.matched) == (listed.id, 2)


async def test_runs_are_found_by_event_invocation_trigger_and_task(engine: Engine) -> None:
    event = (await engine.events.list(code="order.paid")).items[0]
    shipped = (await engine.invocations.list(task="ship")).items[0]

    async def runs(**filters: str) -> list[RunView]:
        return [each async for each in engine.runs.all(**filters)]  # type: ignore[arg-type]

    assert sorted(run.task for run in await runs(event=event.id)) == ["close", "ship"]
    assert [run.task for run in await runs(source=shipped.id)] == ["notify"]
    assert [run.id for run in await runs(invocation=shipped.id)] == [shipped.run]
    assert {run.task for run in await runs(trigger="ship/0")} == {"ship"}
    assert len(await runs(task="close", outcome="fired")) == 2
    assert await runs(outcome="failed") == []


async def test_a_run_shows_who_took_part_and_its_arguments(engine: Engine) -> None:
    listed = (await engine.runs.list(task="close")).items[0]
    run = await engine.runs.get(listed.id)
    assert [each.name for each in run.participants] == ["order.paid", "order.shipped"]
    assert run.arguments == {"order": 2}
    compensated = await engine.runs.get((await engine.runs.list(task="compensate")).items[0].id)
    assert [each.name for each in compensated.participants] == ["notify FAILED"]


async def test_invocations_are_found_by_task_status_trigger_and_time(engine: Engine) -> None:
    failed = [each async for each in engine.invocations.all(status="failed")]
    assert [each.task for each in failed] == ["notify"] * 2
    assert [each.error_type for each in failed] == ["builtins.ValueError"] * 2
    assert {each.status for each in failed} == {Status.FAILED}
    assert len([each async for each in engine.invocations.all(status=["FAILED", "SUCCESS"])]) == 8
    assert len([each async for each in engine.invocations.all(task=shop.close, trigger="close/0")]) == 2
    assert (await engine.invocations.list(until=failed[-1].registered, task="notify")).items == ()


async def test_an_invocation_shows_arguments_result_error_and_history(engine: Engine) -> None:
    shipped = await engine.invocations.get((await engine.invocations.list(task="ship")).items[0].id)
    assert (shipped.arguments, shipped.result) == ({"order": 2}, "shipped 2")
    assert [each.status for each in shipped.history] == ["REGISTERED", "PENDING", "RUNNING", "SUCCESS"]
    told = await engine.invocations.get((await engine.invocations.list(task="notify")).items[0].id)
    assert told.failure is not None
    assert (told.failure.type, told.failure.message) == ("builtins.ValueError", "no mail today")
    assert [each.status for each in told.tries] == ["FAILED"]


async def test_what_is_not_there_or_not_understood_is_one_clear_error(engine: Engine) -> None:
    unknown = "0" * 32
    for get in (engine.events.get, engine.runs.get, engine.invocations.get):
        with pytest.raises(NotFound, match=unknown):
            await get(unknown)
        with pytest.raises(BadId):
            await get("nonsense")
    with pytest.raises(BadQuery, match="cursor"):
        await engine.events.list(cursor="nonsense")
    with pytest.raises(BadQuery, match="limit"):
        await engine.runs.list(limit=0)
    with pytest.raises(BadQuery, match="family"):
        await engine.events.list(code="*.paid")
    with pytest.raises(BadQuery, match="outcome"):
        await engine.runs.list(outcome="fine")
    with pytest.raises(UnknownStatus):
        await engine.invocations.list(status="DONE")
