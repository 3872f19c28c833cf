"""Declaring: from when a trigger counts, what a deploy retires, pauses and brings back, and who is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ensue import AnotherProgram, Defaults, EventContext, StartNeeded, Tasks, Trigger, on_cron, on_event
from ensue.scheduler.asking import InlineAsker
from ensue.scheduler.scheduler import Scheduler
from ensue_core.facts import (
    CronTicked,
    ServiceDeclared,
    TicksSkipped,
    TriggerDeclared,
    TriggerFired,
    TriggerPaused,
    TriggerRetired,
)
from tests.engine.kits import OpenKit, facts, fired, records


def program(*triggers: Trigger, name: str = "react", more: tuple[str, ...] = ()) -> Tasks:
    """A program of one task with these triggers, and other tasks that only say which program it is."""
    tasks = Tasks()

    @tasks.task(name=name, triggers=list(triggers))
    async def react(n: int = 0) -> None: ...

    for each in more:
        tasks.task(name=each)(_nothing)
    return tasks


async def _nothing() -> None: ...


def of_n(context: EventContext[Any]) -> dict[str, Any]:
    return {"n": context.payload["n"]}


HEARS = on_event("go").with_args_from_event("n").named("hears")


async def numbers(kit: Any, tasks: Tasks, name: str = "react") -> list[int]:
    return [each["n"] for each in await fired(kit, tasks.declared_tasks[name])]


async def test_an_event_from_before_the_first_declaration_still_reacts(open_kit: OpenKit) -> None:
    empty, tasks = Tasks(), program(HEARS)
    async with open_kit(empty, service="other") as t:
        await t.emit("go", {"n": 1})
    async with open_kit(tasks) as t:
        await t.emit("go", {"n": 2})
        await t.settle()
        assert await numbers(t, tasks) == [1, 2]


async def test_a_later_trigger_covers_what_comes_after_it(open_kit: OpenKit) -> None:
    async with open_kit(program(HEARS)) as t:
        await t.emit("go", {"n": 1})
        await t.settle()
    tasks = program(HEARS, on_event("go").with_args_from_event(of_n).named("later"))
    async with open_kit(tasks) as t:
        await t.emit("go", {"n": 2})
        await t.settle()
        runs = await facts(t, TriggerFired)
        assert [each.trigger for each in runs] == ["react/hears", "react/hears", "react/later"]
        assert len(runs) == 3


async def test_a_later_trigger_may_start_from_the_beginning_and_asks_each_record_once(open_kit: OpenKit) -> None:
    async with open_kit(program(HEARS)) as t:
        for n in range(30):
            await t.emit("go", {"n": n})
        await t.settle()
    tasks = program(HEARS, on_event("go").with_args_from_event("n").named("all").starting("beginning"))
    defaults = Defaults(batch_records_max=7, lease_seconds=1e6, heartbeat_seconds=1e5)
    async with open_kit(tasks, defaults=defaults) as t:
        for n in range(30, 40):
            await t.emit("go", {"n": n})
        await t.settle()
        for trigger in ("react/hears", "react/all"):
            runs = await facts(t, TriggerFired, lambda fact, trigger=trigger: fact.trigger == trigger)  # type: ignore[misc]
            assert len({each.participants[0].source for each in runs}) == len(runs) == 40, trigger
        (row,) = [
            each for each in (await t.engine.store.decisions.load("main")).triggers if each.trigger == "react/all"
        ]
        assert row.own is None, "it has met the chain"


async def test_a_start_may_be_a_position_or_a_time(open_virtual: OpenKit) -> None:
    async with open_virtual(program(HEARS)) as t:
        first = await t.emit("go", {"n": 1})
        await t.settle()
        await t.advance("1h")
        moment = t.now
        await t.emit("go", {"n": 2})
        await t.settle()
    event = on_event("go").with_args_from_event("n")
    tasks = program(HEARS, event.named("place").starting(first.position), event.named("time").starting(moment))
    async with open_virtual(tasks, now=moment) as t:
        await t.settle()
        again = [each for each in await facts(t, TriggerFired) if each.trigger != "react/hears"]
        assert sorted(each.trigger for each in again) == ["react/place", "react/time"]


async def test_a_first_declaration_over_a_long_past_must_say_where_it_starts(open_kit: OpenKit) -> None:
    defaults = Defaults(first_declaration_records_max=5, lease_seconds=1e6, heartbeat_seconds=1e5)
    async with open_kit(Tasks(), service="other", defaults=defaults) as t:
        await t.engine.emit_many("go", [{"n": n} for n in range(6)])
    with pytest.raises(StartNeeded):
        async with open_kit(program(HEARS), defaults=defaults):
            pass
    tasks = program(HEARS.starting("now"))
    async with open_kit(tasks, defaults=defaults) as t:
        await t.emit("go", {"n": 9})
        await t.settle()
        assert await numbers(t, tasks) == [9]


async def test_what_is_missing_retires_and_what_is_unchanged_keeps_its_waiting_matches(open_kit: OpenKit) -> None:
    pair = (on_event("a").by("k") & on_event("b").by("k")).named("pair")
    async with open_kit(program(pair, HEARS)) as t:
        await t.emit("a", {"k": 1})
        await t.settle()
    async with open_kit(program(pair)) as t:
        await t.emit("b", {"k": 1})
        await t.emit("go", {"n": 1})
        await t.settle()
        assert [each.trigger for each in await facts(t, TriggerFired)] == ["react/pair"]
        assert [each.trigger for each in await facts(t, TriggerRetired)] == ["react/hears"]


async def test_declaring_again_what_is_current_says_nothing(open_kit: OpenKit) -> None:
    async with open_kit(program(HEARS)) as t:
        await t.settle()
        before = len(await records(t))
    async with open_kit(program(HEARS)) as t:
        await t.settle()
        assert len(await records(t)) == before


async def test_a_trigger_that_comes_back_decides_nothing_twice(open_kit: OpenKit) -> None:
    again = on_event("go").with_args_from_event("n").named("hears").starting("beginning")
    async with open_kit(program(again)) as t:
        await t.emit("go", {"n": 1})
        await t.settle()
    async with open_kit(program()) as t:
        await t.emit("go", {"n": 2})
        await t.settle()
    tasks = program(again)
    async with open_kit(tasks) as t:
        await t.settle()
        await t.emit("go", {"n": 3})
        await t.settle()
        assert await numbers(t, tasks) == [1, 2, 3]


async def test_another_program_is_refused_unless_it_is_to_replace_the_first(open_kit: OpenKit) -> None:
    async with open_kit(program(HEARS)) as t:
        await t.settle()
    other = program(HEARS, name="other")
    with pytest.raises(AnotherProgram, match="service="):
        async with open_kit(other):
            pass
    async with open_kit(other, service="second") as t:
        await t.engine.declare()
        await t.emit("go", {"n": 1})
        await t.settle()
        assert await numbers(t, other, "other") == [1]
        assert len(await facts(t, ServiceDeclared)) == 2


async def test_each_decision_names_the_version_that_answered(open_kit: OpenKit) -> None:
    async with open_kit(program(on_event("go").with_args_from_event("n").named("hears"))) as t:
        await t.emit("go", {"n": 1})
        await t.settle()
    newer = program(on_event("go", {"n": 2}).with_args_from_event("n").named("hears"))
    async with open_kit(newer) as t:
        for n in (1, 2):
            await t.emit("go", {"n": n})
        await t.settle()
        declared = [each.version for each in await facts(t, TriggerDeclared)]
        runs = await facts(t, TriggerFired)
        assert [each.version for each in runs] == declared
        assert len(set(declared)) == 2


# Two versions at once, in one process: only the one declared last decides.


async def test_two_versions_at_once_fire_once(open_virtual: OpenKit) -> None:
    old, new = program(HEARS, more=("v1",)), program(HEARS, more=("v2",))
    brisk = Defaults(lease_seconds=6, heartbeat_seconds=2)
    async with open_virtual(old, defaults=brisk) as t:
        newest = asyncio.ensure_future(_scheduler(t, new, "newest", brisk).run())
        for n in range(5):
            await t.emit("go", {"n": n})
            await t.advance("1s")
        await t.advance("30s")
        newest.cancel()
        runs = await facts(t, TriggerFired)
        assert len({each.participants[0].source for each in runs}) == len(runs) == 5
        assert [each.takeover for each in await facts(t, ServiceDeclared)] == [False, False]


def _scheduler(kit: Any, tasks: Tasks, name: str, defaults: Defaults) -> Scheduler:
    from ensue import Engine

    program = Engine("memory:", tasks=[tasks], app_id="test").program
    store = kit.engine.store
    return Scheduler(store, program, kit.engine.clock, defaults, service="main", process=name, asker=InlineAsker())


async def test_a_scheduler_of_another_version_takes_over_only_when_nobody_holds_the_current_one(
    open_virtual: OpenKit,
) -> None:
    """The newest version comes, declares, and dies: the old one takes over, pausing what it lacks, retiring nothing."""
    only_new = on_event("go").with_args_from_event("n").named("only_new")
    old, new = program(HEARS), program(HEARS, only_new)
    brisk = Defaults(lease_seconds=6, heartbeat_seconds=2)
    async with open_virtual(old, defaults=brisk) as t:
        await t.emit("go", {"n": 1})
        await t.settle()
        newest = _scheduler(t, new, "newest", brisk)
        await newest.declare()
        await newest._beat()
        await t.emit("go", {"n": 2})
        await t.advance("5s")
        assert len(await fired(t, old.declared_tasks["react"])) == 1, "somebody holds the current version"
        await t.advance("30s")
        declared = await facts(t, ServiceDeclared)
        assert [each.takeover for each in declared] == [False, False, True]
        (paused,) = await facts(t, TriggerPaused)
        assert (paused.trigger, paused.reason) == ("react/only_new", "takeover")
        assert await facts(t, TriggerRetired) == []
        assert await numbers(t, old) == [1, 2]
        await t.emit("go", {"n": 3})
        await t.settle()
        assert await numbers(t, old) == [1, 2, 3]
    async with open_virtual(new, defaults=brisk) as t:
        await t.settle()
        late = await facts(t, TriggerFired, lambda fact: fact.trigger == "react/only_new")
        assert len(late) == 2, "it catches up with what came since it was declared"


async def test_a_holder_that_was_away_for_less_than_a_lease_is_not_taken_over(open_virtual: OpenKit) -> None:
    old, new = program(HEARS), program(HEARS, more=("v2",))
    brisk = Defaults(lease_seconds=6, heartbeat_seconds=2)
    async with open_virtual(old, defaults=brisk) as t:
        newest = _scheduler(t, new, "newest", brisk)
        await newest.declare()
        await t.advance("4s")
        for _ in range(30):
            await newest._beat()
            await t.advance("1s")
        assert [each.takeover for each in await facts(t, ServiceDeclared)] == [False, False]


# Schedules.


def schedule(catchup: Any = "latest", expression: str = "0 * * * *") -> Tasks:
    tasks = Tasks()

    @tasks.task(triggers=on_cron(expression, catchup=catchup).with_args_from_cron("timestamp").named("tick"))
    async def react(timestamp: str) -> None: ...

    return tasks


async def slots(kit: Any) -> list[str]:
    from ensue_core.clock import iso

    return [iso(each.slot)[11:16] for each in await facts(kit, CronTicked)]


async def test_a_first_declaration_fires_no_slot_of_the_past(open_virtual: OpenKit) -> None:
    async with open_virtual(schedule(), now="2026-01-01T10:30:00Z") as t:
        await t.settle()
        assert await slots(t) == []
        await t.advance("1h")
        assert await slots(t) == ["11:00"]


async def test_a_restart_fires_no_slot_again(open_virtual: OpenKit) -> None:
    async with open_virtual(schedule(), now="2026-01-01T10:30:00Z") as t:
        await t.advance("1h")
    for minute in (31, 32, 33):
        async with open_virtual(schedule(), now=f"2026-01-01T11:{minute}:00Z") as t:
            await t.settle()
            assert await slots(t) == ["11:00"]
    async with open_virtual(schedule(), now="2026-01-01T11:50:00Z") as t:
        await t.advance("20m")
        assert await slots(t) == ["11:00", "12:00"]


@pytest.mark.parametrize(
    ("catchup", "kept"), [("none", []), ("latest", ["14:00"]), ("all", ["11:00", "12:00", "13:00", "14:00"])]
)
async def test_of_the_slots_missed_while_nothing_ran_catchup_says_which_fire(
    open_virtual: OpenKit, catchup: str, kept: list[str]
) -> None:
    async with open_virtual(schedule(catchup), now="2026-01-01T10:30:00Z") as t:
        await t.settle()
    async with open_virtual(schedule(catchup), now="2026-01-01T14:20:00Z") as t:
        await t.settle()
        assert await slots(t) == kept
        assert sum(each.count for each in await facts(t, TicksSkipped)) == 4 - len(kept)
        await t.advance("1h")
        assert await slots(t) == [*kept, "15:00"]


async def test_catching_up_has_bounds(open_virtual: OpenKit) -> None:
    async with open_virtual(schedule("all"), now="2026-01-01T10:30:00Z") as t:
        await t.settle()
    async with open_virtual(schedule("all"), now="2026-01-11T10:30:00Z") as t:
        await t.settle()
        assert len(await slots(t)) == 24, "within 24 h"
        assert sum(each.count for each in await facts(t, TicksSkipped)) == 9 * 24
