"""As of a position, everything is shown as it was shown then; nothing can be changed there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from ensue import BadQuery, Engine, NotFound
from ensue.replay import as_of
from ensue.testing import engine_for
from ensue_core.clock import to_datetime
from ensue_core.errors import InThePast
from tests.engine.kits import MemoryKits, OpenKit, records
from tests.engine.test_rebuild import FEW, mixed, shown
from tests.queries import shop
from tests.replay.kits import played


class Shown:
    """Stands where `shown` wants a kit."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine


async def seen(engine: Engine) -> list[Any]:
    """Return all that can be listed and shown."""
    kit: Any = Shown(engine)
    chains = [await engine.store.decisions.load(row.service) for row in await engine.store.decisions.chains()]
    queued = await engine.store.work.queued()
    problems = [each async for each in engine.problems.all()]
    return [await shown(kit), chains, queued, problems]


async def test_the_past_is_shown_as_it_was(open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_kit(mixed(), defaults=FEW) as t:
        moments: list[tuple[int, list[Any]]] = []

        async def remember() -> None:
            await t.settle()
            while True:  # in real time a schedule may tick while we look
                before = await t.engine.store.log.head()
                await t.engine.triggers.list()
                found = await seen(t.engine)
                if await t.engine.store.log.head() == before:
                    moments.append((before.position, found))
                    return

        async def emit(code: str, n: int) -> None:
            await t.emit(code, {"k": n % 2, "n": n % 4})

        acts: list[Callable[[], Awaitable[Any]]] = [
            *[lambda n=n: emit("abc"[n % 3], n) for n in range(7)],
            lambda: t.engine.triggers.pause("nested/pair"),
            lambda: emit("a", 3),
            lambda: t.engine.submit("work", n=2),
            lambda: t.engine.triggers.resume("nested/pair", "catch up"),
            lambda: t.engine.triggers.fire("nested/pair", {}),
        ]
        for act in acts:
            await act()
            await remember()
        for large in (False, True):
            monkeypatch.setattr(as_of, "IN_MEMORY_MAX", -1 if large else 10**6)
            for position, then in moments:
                async with t.engine.as_of(position) as past:
                    assert await seen(past) == then


async def test_a_time_is_the_last_position_up_to_it() -> None:
    async with played(MemoryKits()) as t:
        log = await records(t)
        record = log[40]
        last = max(each.position for each in log if each.time <= record.time)
        async with t.engine.as_of(to_datetime(record.time)) as past:
            assert (await past.store.log.head()).position == last
            assert past.clock.now() == record.time
        async with t.engine.as_of(to_datetime(log[0].time) - timedelta(microseconds=1)) as past:
            assert (await past.store.log.head()).position == 0
            assert (await past.events.list()).items == ()
        async with t.engine.as_of(to_datetime(log[-1].time) + timedelta(days=900)) as past:
            assert (await past.store.log.head()).position == len(log)


async def test_what_was_waiting_and_running_then_is_shown() -> None:
    async with engine_for(shop.tasks) as t:
        sent = await t.emit("order.shipped", {"order": 9})
        await t.settle()
        then = (await t.engine.store.log.head()).position
        paid = await t.emit("order.paid", {"order": 9})
        await t.settle()
        assert sent.id not in [each.source for each in (await t.engine.triggers.get("close/0")).waits]
        async with t.engine.as_of(then) as past:
            (waits,) = (await past.triggers.get("close/0")).waits
            assert waits.source == sent.id
            assert (await past.explain("close/0", event=sent.id)).verdict == "waiting"
            with pytest.raises(NotFound):
                await past.events.get(paid.id)
            with pytest.raises(NotFound):
                await past.trace(paid.id)
            assert (await past.events.get(sent.id)).triggered == 0
        started = next(each for each in await records(t) if each.kind == "AttemptStarted")
        async with t.engine.as_of(started.position) as past:
            (running,) = (await past.invocations.list(status="RUNNING")).items
            assert "runs since" in (await past.explain(invocation=running.id)).says


async def test_the_past_cannot_be_changed(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        log = await records(t)
        async with t.engine.as_of(30) as past:
            acts: list[Callable[[], Awaitable[Any]]] = [
                lambda: past.emit("a", {}),
                lambda: past.submit("work", n=1),
                lambda: past.triggers.fire("three/1", {"n": 1}),
                lambda: past.store.rebuild_decisions(),
                lambda: past.store.generations.begin(),
            ]
            for act in acts:
                with pytest.raises(InThePast, match="as of an earlier position"):
                    await act()
        async with t.engine.as_of(0) as past:
            with pytest.raises(InThePast):
                await past.declare()
        assert await records(t) == log


async def test_a_position_past_the_end_is_one_sentence(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        with pytest.raises(BadQuery, match=r"position 99999 is past the end of the log, which is \d+"):
            async with t.engine.as_of(99_999):
                pass
