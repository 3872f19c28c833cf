"""Views follow from the log alone: dropping them and folding it again gives the same rows."""

from __future__ import annotations

from typing import Any

import pytest

from ensue import (
    Defaults,
    Engine,
    EventContext,
    Handle,
    Tasks,
    current,
    on_cron,
    on_event,
    on_exception,
    on_status,
    on_success,
    projector,
)
from ensue.testing import Kit
from tests.engine.kits import OpenKit, records


def sometimes(context: EventContext[Any]) -> dict[str, Any]:
    return {"n": 1 // context.payload["n"]}


def mixed() -> Tasks:
    tasks = Tasks()
    a, b, c = on_event("a").by("k"), on_event("b").by("k"), on_event("c").by("k")

    @tasks.task(triggers=on_event("a").with_args_from_event("n"), max_retries=1, retry_first="1ms")
    async def work(n: int) -> int:
        current().emit("c", {"k": n, "n": n})
        if n % 3 == 1 or (n % 3 == 2 and current().attempt == 1):
            raise ValueError("no")
        return n

    @tasks.task(triggers=(a & (b | c)).within("5s").named("pair"))
    async def nested() -> None: ...

    @tasks.task(triggers=[(a & b & c).within("5s").with_args_from_event(sometimes), a.with_args_from_event(sometimes)])
    async def three(n: int) -> None: ...

    @tasks.task(triggers=on_status(work, "RETRY") & on_success(work))
    async def recovered() -> None: ...

    @tasks.task(triggers=[on_exception(work), on_cron("*/2 * * * * *").named("ticks")])
    async def often() -> None: ...

    return tasks


async def play(kit: Kit) -> None:
    for n in range(12):
        await kit.emit("abc"[n % 3], {"k": n % 2, "n": n % 4})
    await kit.settle()
    await kit.engine.triggers.pause("nested/pair")
    for n in range(6):
        await kit.emit("ab"[n % 2], {"k": 1, "n": n % 4})
    for _ in range(100):  # in real time a worker may be faster than the cancellation
        handle: Handle[Any] = await kit.engine.submit("work", n=0)
        if await handle.cancel():
            break
    await kit.settle()
    await kit.engine.triggers.resume("nested/pair", "catch up")
    await kit.engine.triggers.fire("nested/pair", {}, author="ada")
    await kit.settle()


async def shown(kit: Kit) -> list[Any]:
    engine = kit.engine
    return [
        [each async for each in engine.events.all()],
        [await engine.runs.get(each.id) async for each in engine.runs.all()],
        [await engine.invocations.get(each.id) async for each in engine.invocations.all()],
        await engine.triggers.list(),
        await engine.store.views.schedules(),
        await engine.store.views.problems(None, 1_000),
    ]


FEW = Defaults(waiting_per_key_max=2, lease_seconds=1e6, heartbeat_seconds=1e5)


async def test_decision_views_and_query_views_follow_from_the_log(
    open_kit: OpenKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_kit(mixed(), defaults=FEW) as t:
        await play(t)
        if open_kit.kind == "memory":
            await t.advance("20s")
        await t.engine.triggers.pause("often/ticks")
        if open_kit.kind == "memory":
            await t.advance("5s")
        await t.engine.triggers.resume("often/ticks", "now")
        await t.engine.triggers.pause_all()
        await t.settle()
        store, log = t.engine.store, await records(t)
        kinds = {each.kind for each in log}
        wanted = {"ConditionMatched", "RunFailed", "InvocationCancelled", "TriggerResumed", "MatchesDropped"}
        assert kinds >= wanted | ({"WindowExpired", "CronTicked"} if open_kit.kind == "memory" else set())
        before, seen = await store.dump_decisions(), await shown(t)
        await store.rebuild_decisions()
        assert await store.dump_decisions() == before
        for page, part in ((4_000, 500), (4_000, 1), (50, 7)):  # a part must take what the one before made
            monkeypatch.setattr(type(store.views), "page_records_max", page)
            monkeypatch.setattr(projector, "PART_RECORDS_MAX", part)
            await store.views.drop()
            await projector.catch_up(store, FEW)
            again = await shown(t)
            assert again == seen
        assert await records(t) == log, "folding appends nothing"


async def test_every_store_folds_one_log_to_the_same_views(open_virtual: OpenKit) -> None:
    """What one process has in memory while it runs is what a fresh one reads."""
    url = str(getattr(open_virtual, "url"))  # noqa: B009
    async with open_virtual(mixed(), defaults=FEW) as t:
        await play(t)
        await t.advance("20s")
        async with Engine(url, app_id="test") as fresh:
            assert await fresh.store.dump_decisions() == await t.engine.store.dump_decisions()
            chain, other = await fresh.store.decisions.load("main"), await t.engine.store.decisions.load("main")
            assert chain == other
