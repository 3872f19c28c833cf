"""A backtest of unchanged triggers reports no change; one of changed triggers reports exactly what they change."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ensue import Defaults, EventContext, Tasks, gt, on_cron, on_event, on_result, on_success
from ensue.program import Program, assemble
from ensue.replay.backtest import backtest
from ensue.replay.compared import Backtested, TriggerBacktest
from ensue.scheduler.asking import Answer, Asker, InlineAsker
from ensue.testing import Kit, engine_for
from ensue_adapters.memory.archive import MemoryArchive
from ensue_core.clock import from_datetime
from ensue_core.facts import ServiceDeclared, TriggerDeclared
from tests.engine.kits import MemoryKits, OpenKit, SQLiteKits, records
from tests.engine.test_rebuild import FEW, mixed
from tests.replay.kits import archive_of, played
from tests.simulation import program as simulated
from tests.simulation.world import NAMESPACE, World


async def compared(t: Kit, tasks: Tasks, asker: Asker | None = None, **options: Any) -> Backtested:
    """Backtest a program against a kit's history."""
    async with archive_of(t.engine.store) as archive:
        return await backtest(
            archive, assemble([tasks]), "main", t.engine.defaults, asker or InlineAsker(), **options
        )  # fmt: skip


def of(found: Backtested, trigger: str) -> TriggerBacktest:
    return next(each for each in found.triggers if each.trigger == trigger)


async def test_unchanged_triggers_would_have_done_the_same(open_kit: OpenKit) -> None:
    async with played(open_kit) as t:
        log, dump = await records(t), await t.engine.store.dump_decisions()
        found = await compared(t, mixed())
        assert found.changes == 0
        assert found.samples == ()
        assert {each.state for each in found.triggers} == {"same"}
        runs = [run async for run in t.engine.runs.all() if run.author is None]
        assert sum(each.unchanged for each in found.triggers) == len(runs) > 20
        assert sum(each.then for each in found.triggers) == sum(each.now for each in found.triggers) == len(runs)
        assert await records(t) == log, "a backtest appends nothing"
        assert await t.engine.store.dump_decisions() == dump


@pytest.mark.parametrize("seed", [3, 104, 124, 146])
async def test_unchanged_triggers_would_have_done_the_same_in_a_simulated_town(seed: int) -> None:
    """Crashes, pauses, catching up, retirements, rollbacks, skipped slots and overflows are history, and stay."""
    world = World(seed)
    await _off_the_loop(world.run)
    assert not world.wrong
    archive = MemoryArchive(world.space, NAMESPACE)
    await archive.open()
    simulated.enter(world)
    count = 0
    for service in world.services:
        program, versions = _last_program(world, service)
        found = await backtest(archive, program, service, world.plan.defaults, InlineAsker())
        for each in found.triggers:
            # A filter that changes its mind is the one thing that may answer otherwise.
            if len(versions[each.trigger]) == 1 and "fickle" not in each.trigger and each.state == "same":
                assert (each.gained, each.lost, each.changed) == (0, 0, 0), each
                count += each.then
    simulated.leave()
    assert count > 50


async def test_what_a_trigger_was_not_asked_about_is_not_asked_now() -> None:
    async with engine_for(shop()) as t:
        triggers = t.engine.triggers
        for start in ("catch up", "catch up", "now", "catch up"):
            await t.emit("paid", {"order": 1, "amount": 500})
            await t.settle()
            await triggers.pause("pack/0")
            await t.emit("paid", {"order": 2, "amount": 500})
            await t.settle()
            await triggers.resume("pack/0", start)
            await t.settle()
        assert of(await compared(t, shop()), "pack/0").unchanged == 7
        await triggers.pause("pack/0")
        await t.emit("paid", {"order": 3, "amount": 500})
        await t.settle()
        await triggers.pause_all()
        await triggers.resume("pack/0", "catch up")
        await triggers.resume_all("now")
        await t.settle()
        found = await compared(t, shop())
        assert (of(found, "pack/0").then, found.changes) == (7, 0)


async def _off_the_loop(run: Any) -> None:
    import asyncio

    await asyncio.to_thread(run)


def _last_program(world: World, service: str) -> tuple[Program, dict[str, set[str]]]:
    """Return the program that a service declared last, and every version that each of its triggers had."""
    versions: dict[str, set[str]] = defaultdict(set)
    last = ""
    for record in world.space.records:
        fact = record.fact
        if isinstance(fact, TriggerDeclared) and fact.service == service:
            versions[fact.trigger].add(fact.version)
        elif isinstance(fact, ServiceDeclared) and fact.service == service:
            last = fact.version
    programs = [simulated.program_of(each) for each in simulated.VERSIONS]
    return next(each for each in programs if each.version == last), versions


# Changed triggers.


def shop(limit: int = 100, within: str = "1h", cron: str = "*/10 * * * *", extra: bool = False) -> Tasks:
    tasks = Tasks()
    paid = on_event("paid", {"amount": gt(limit)})

    @tasks.task(triggers=paid.with_args_from_event("order"))
    async def pack(order: int) -> int:
        return order

    @tasks.task(triggers=(on_event("paid").by("order") & on_event("sent").by("order")).within(within).named("both"))
    async def close() -> None: ...

    @tasks.task(triggers=on_cron(cron))
    async def tidy() -> None: ...

    if extra:

        @tasks.task(triggers=[on_success(pack).named("told"), on_result(pack, gt(3)).named("late")])
        async def tell() -> None: ...

    return tasks


async def history(t: Kit) -> None:
    """Seven orders of 0, 40 ... 240, each sent 20 minutes after it was paid; an hour and three quarters in all."""
    for n in range(7):
        await t.emit("paid", {"order": n, "amount": n * 40})
    await t.advance("20m")
    for n in range(7):
        await t.emit("sent", {"order": n})
    await t.advance("85m")


async def test_a_stricter_filter_loses_runs_and_shows_the_values_that_decided() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        found = await compared(t, shop(limit=180), samples=1)
        pack = of(found, "pack/0")
        assert (pack.state, pack.then, pack.now, pack.unchanged, pack.lost, pack.gained) == ("changed", 4, 2, 2, 2, 0)
        (sample,) = [each for each in found.samples if each.kind == "lost"]
        assert sample.then == 'fired with {"order":3}'
        assert sample.now.endswith("payload amount > 180: it was 120")
        assert found.changes == 2
        assert of(found, "close/both").unchanged == 7


async def test_a_looser_filter_gains_runs_and_shows_what_said_no_then() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        found = await compared(t, shop(limit=70))
        assert (of(found, "pack/0").gained, of(found, "pack/0").lost) == (1, 0)
        (sample,) = [each for each in found.samples if each.kind == "gained"]
        assert sample.then.endswith("payload amount > 100: it was 80")
        assert sample.now == 'fired with {"order":2}'


async def test_a_shorter_window_loses_joins() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        found = await compared(t, shop(within="15m"))
        close = of(found, "close/both")
        assert (close.then, close.now, close.lost) == (7, 0, 7)
        assert next(each for each in found.samples).now == "its partners pair otherwise"
        assert of(await compared(t, shop(within="25m")), "close/both").unchanged == 7


def counted(at_least: int) -> Tasks:
    tasks = Tasks()

    @tasks.task
    async def count(n: int) -> dict[str, int]:
        return {"n": n}

    @tasks.task(triggers=(on_success(count) & on_result(count, {"n": gt(at_least)})).named("both"))
    async def report() -> None: ...

    return tasks


async def test_a_join_that_one_condition_lets_down_shows_what_that_one_saw() -> None:
    async with engine_for(counted(5)) as t:
        for n in range(3, 9):
            await t.engine.submit("count", n=n)
        await t.settle()
        found = await compared(t, counted(7))
        assert of(found, "report/both").lost == 2
        assert sorted(each.now.rpartition(": ")[2] for each in found.samples) == ["it was 6", "it was 7"]
        assert all("result n > 7" in each.now for each in found.samples)
        looser = await compared(t, counted(4))
        (sample,) = looser.samples
        assert sample.then.endswith("result n > 5: it was 5")


async def test_a_schedule_is_tried_on_the_time_that_passed() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        tidy = of(await compared(t, shop()), "tidy/0")
        assert (tidy.then, tidy.unchanged) == (10, 10)
        tidy = of(await compared(t, shop(cron="*/5 * * * *")), "tidy/0")
        assert (tidy.then, tidy.now, tidy.unchanged, tidy.gained, tidy.lost) == (10, 20, 10, 10, 0)
        tidy = of(await compared(t, shop(cron="*/20 * * * *")), "tidy/0")
        assert (tidy.now, tidy.unchanged, tidy.lost) == (5, 5, 5)


async def test_new_triggers_count_from_the_beginning_and_gone_ones_lose_their_runs() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        found = await compared(t, shop(extra=True))
        assert (of(found, "tell/told").state, of(found, "tell/told").gained) == ("new", 4)
        assert (of(found, "tell/late").gained, of(found, "pack/0").unchanged) == (3, 4)
        assert {each.then for each in found.samples} == {"not declared"}
        none = Tasks()

        @none.task
        async def pack() -> None: ...

        found = await compared(t, none)
        assert (of(found, "pack/0").state, of(found, "pack/0").lost) == ("gone", 4)
        assert {each.now for each in found.samples} == {"not declared"}


async def test_a_service_that_never_was_is_tried_on_the_whole_log() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        async with archive_of(t.engine.store) as archive:
            found = await backtest(archive, assemble([shop()]), "another", t.engine.defaults, InlineAsker())
        assert (of(found, "pack/0").gained, of(found, "close/both").gained, of(found, "tidy/0").gained) == (4, 7, 10)


def doubled(context: EventContext[Any]) -> dict[str, Any]:
    return {"order": context.payload["order"] * FACTOR["by"]}


FACTOR = {"by": 1}


async def test_other_arguments_are_a_change_of_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def program() -> Tasks:
        tasks = Tasks()

        @tasks.task(triggers=on_event("paid").with_args_from_event(doubled))
        async def pack(order: int) -> None: ...

        return tasks

    async with engine_for(program()) as t:
        for n in range(3):
            await t.emit("paid", {"order": n})
        await t.settle()
        assert (await compared(t, program())).changes == 0
        monkeypatch.setitem(FACTOR, "by", 2)
        found = await compared(t, program())
        assert (of(found, "pack/0").changed, of(found, "pack/0").unchanged) == (2, 1)
        sample = found.samples[0]
        assert (sample.kind, sample.then, sample.now) == (
            "changed", 'fired with {"order":1}', 'fired with {"order":2}',
        )  # fmt: skip
        monkeypatch.setitem(FACTOR, "by", None)
        found = await compared(t, program())
        assert of(found, "pack/0").changed == 3
        assert found.samples[0].now.startswith("failed (raised: TypeError")


class Refusing:
    """An asker for a program whose code never answers in time."""

    async def ask(self, calls: Any) -> list[Answer]:
        return [Answer(reason="timeout", error="too long", trips=True) for _ in calls]

    def reset(self, trigger: str) -> None: ...

    def close(self) -> None: ...


async def test_code_that_hangs_loses_its_runs_and_pauses_nothing() -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("paid").with_args_from_event(doubled))
    async def pack(order: int) -> None: ...

    async with engine_for(tasks) as t:
        for n in range(6):
            await t.emit("paid", {"order": n})
            await t.settle()
        found = await compared(t, tasks, Refusing())
        assert of(found, "pack/0").changed == 6, "each one is asked, not only those before a pause"


# What is looked at.


async def test_since_and_until_bound_the_runs_and_not_what_they_join() -> None:
    async with engine_for(shop(), now="2026-01-01T00:00Z") as t:
        await history(t)
        since = from_datetime(datetime(2026, 1, 1, 0, 10, tzinfo=UTC))
        found = await compared(t, shop(limit=0), since=since)
        assert (of(found, "close/both").then, of(found, "close/both").unchanged) == (7, 7)
        assert (of(found, "pack/0").then, of(found, "pack/0").gained) == (0, 0)
        assert (of(found, "tidy/0").then, of(found, "tidy/0").unchanged) == (10, 10)
        found = await compared(t, shop(limit=0), until=since)
        assert of(found, "close/both").then == 0
        assert (of(found, "pack/0").then, of(found, "pack/0").gained) == (4, 2)
        late = from_datetime(datetime(2026, 1, 1, 1, 0, 30, tzinfo=UTC))
        found = await compared(t, shop(), since=late)
        assert (of(found, "tidy/0").then, found.changes) == (4, 0)


async def test_one_trigger_alone_is_tried() -> None:
    async with engine_for(shop()) as t:
        await history(t)
        found = await compared(t, shop(limit=180), trigger="pack/0")
        assert [each.trigger for each in found.triggers] == ["pack/0"]
        assert of(found, "pack/0").lost == 2


async def test_a_file_is_left_as_it_was(tmp_path: Path) -> None:
    kits = SQLiteKits(tmp_path)
    async with played(kits):
        pass
    from ensue_adapters.sqlite import open_store
    from ensue_core.clock import SYSTEM_CLOCK

    path = tmp_path / "log.db"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    async with archive_of(open_store(kits.url, "test", SYSTEM_CLOCK)) as archive:
        found = await backtest(archive, assemble([mixed()]), "main", FEW, InlineAsker())
    assert found.changes == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


async def test_batching_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from ensue.replay import backtest as module
    from ensue.replay import tape

    async with played(MemoryKits()) as t:
        monkeypatch.setattr(module, "STEPS_AT_ONCE", 1)
        monkeypatch.setattr(module, "PAGE", 3)
        monkeypatch.setattr(tape, "PAGE", 2)
        assert (await compared(t, mixed())).changes == 0


async def test_few_may_wait_in_a_backtest_too() -> None:
    """What the defaults bound is bounded alike."""
    async with engine_for(shop(), defaults=Defaults(waiting_per_trigger_max=3)) as t:
        for n in (0, 1, 2, 3, 4):
            await t.emit("paid", {"order": n, "amount": 0})
        for n in (4, 3, 2):
            await t.emit("sent", {"order": n})
        await t.settle()
        found = await compared(t, shop())
        assert (of(found, "close/both").then, found.changes) == (3, 0)
        async with archive_of(t.engine.store) as archive:
            more = await backtest(archive, assemble([shop()]), "main", Defaults(), InlineAsker())
        assert more.changes == 0
        for n in (1, 0):
            await t.emit("sent", {"order": n})
        await t.settle()
        async with archive_of(t.engine.store) as archive:
            more = await backtest(archive, assemble([shop()]), "main", Defaults(), InlineAsker())
        assert of(more, "close/both").gained == 2
