"""Joins and alternatives: who pairs with whom, at most once, whatever the batching."""

from __future__ import annotations

from typing import Any

import pytest

from ensue import Defaults, RunContext, Tasks, TriggerBuilder, current, on_event, on_exception, on_status, on_success
from ensue_core.facts import ConditionMatched, MatchesDropped, TriggerFired, WindowExpired
from tests.engine.kits import BRISK, OpenKit, facts, fired


def both(context: RunContext) -> dict[str, Any]:
    return {"codes": [f"{each.event_code}{each.payload['n']}" for each in context.events()]}


def joined(**options: Any) -> Tasks:
    tasks = Tasks()
    pair = on_event("a").by("k") & on_event("b").by("k")

    @tasks.task(triggers=pair.within(options.get("within", "1h")).with_args_from_run(both))
    async def react(codes: list[str]) -> None: ...

    return tasks


async def test_a_join_pairs_oldest_with_oldest_of_one_key(open_kit: OpenKit) -> None:
    tasks = joined()
    async with open_kit(tasks) as t:
        for code, n, k in [("a", 1, 1), ("a", 2, 1), ("a", 3, 2), ("b", 4, 1), ("b", 5, 2), ("b", 6, 1), ("b", 7, 1)]:
            await t.emit(code, {"n": n, "k": k})
        await t.settle()
        assert [each["codes"] for each in await fired(t, tasks.declared_tasks["react"])] == [
            ["a1", "b4"], ["a3", "b5"], ["a2", "b6"],
        ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 1_000])
async def test_batching_never_changes_who_pairs_with_whom(open_kit: OpenKit, size: int) -> None:
    tasks = joined()
    async with open_kit(
        tasks, defaults=Defaults(batch_records_max=size, lease_seconds=1e6, heartbeat_seconds=1e5)
    ) as t:
        await t.engine.emit_many("b", [{"n": n, "k": n % 2} for n in range(6)])
        if size == 2:
            await t.settle()
        await t.engine.emit_many("a", [{"n": n, "k": n % 2} for n in range(6)])
        await t.settle()
        assert [each["codes"] for each in await fired(t, tasks.declared_tasks["react"])] == [
            [f"a{n}", f"b{n}"] for n in range(6)
        ]


async def test_keys_are_type_strict_and_a_record_without_the_path_never_joins(open_kit: OpenKit) -> None:
    tasks = joined()
    async with open_kit(tasks) as t:
        for n, k in enumerate((1, "1", True, None)):
            await t.emit("a", {"n": n, "k": k})
        await t.emit("a", {"n": 9})
        await t.emit("b", {"n": 9})
        await t.emit("b", {"n": 5, "k": 1.0})
        await t.settle()
        react = tasks.declared_tasks["react"]
        assert await fired(t, react) == []
        for k in (True, "1", None, 1):
            await t.emit("b", {"n": 7, "k": k})
        await t.settle()
        assert [each["codes"] for each in await fired(t, react)] == [
            ["a2", "b7"],
            ["a1", "b7"],
            ["a3", "b7"],
            ["a0", "b7"],
        ]


async def test_a_window_holds_up_to_its_last_microsecond_and_what_expires_is_a_fact(open_virtual: OpenKit) -> None:
    tasks = joined(within="10s")
    react = tasks.declared_tasks["react"]
    async with open_virtual(tasks) as t:
        await t.emit("a", {"n": 1, "k": 1})
        await t.settle()
        await t.advance("10s")
        await t.emit("b", {"n": 2, "k": 1})
        await t.settle()
        assert len(t.ran(react)) == 1
        assert await facts(t, WindowExpired) == []
        await t.emit("a", {"n": 3, "k": 1})
        await t.settle()
        await t.advance("10s")
        await t.advance("1ms")
        await t.emit("b", {"n": 4, "k": 1})
        await t.settle()
        assert len(t.ran(react)) == 1
        (expired,) = await facts(t, WindowExpired)
        assert len(expired.matches) == 1


async def test_each_alternative_has_a_window_of_its_own(open_virtual: OpenKit) -> None:
    tasks = Tasks()
    a, b, c = on_event("a").by("k"), on_event("b").by("k"), on_event("c").by("k")

    @tasks.task(triggers=((a & b).within("1h") | (a & c).within("10s")).with_args_from_run(both))
    async def react(codes: list[str]) -> None: ...

    async with open_virtual(tasks) as t:
        await t.emit("a", {"n": 1, "k": 1})
        await t.settle()
        await t.advance("20s")
        await t.emit("c", {"n": 2, "k": 1})
        await t.settle()
        assert t.ran(react) == []
        await t.emit("b", {"n": 3, "k": 1})
        await t.settle()
        assert t.ran(react) == [{"codes": ["a1", "b3"]}]


async def test_a_match_expires_on_time_though_nothing_else_happens(open_virtual: OpenKit) -> None:
    tasks = joined(within="10s")
    async with open_virtual(tasks) as t:
        await t.emit("a", {"n": 1, "k": 1})
        await t.settle()
        await t.advance("11s")
        assert len(await facts(t, WindowExpired)) == 1
        head = await t.engine.store.log.head()
        await t.advance("1d")
        assert await t.engine.store.log.head() == head, "no timers, no records"


async def test_an_overflow_lets_the_oldest_go_as_a_fact(open_kit: OpenKit) -> None:
    tasks = joined()
    defaults = Defaults(waiting_per_key_max=2, lease_seconds=1e6, heartbeat_seconds=1e5)
    async with open_kit(tasks, defaults=defaults) as t:
        for n in (1, 2, 3):
            await t.emit("a", {"n": n, "k": 1})
        await t.settle()
        (dropped,) = await facts(t, MatchesDropped)
        assert (dropped.reason, len(dropped.matches)) == ("overflow", 1)
        for n in (4, 5, 6):
            await t.emit("b", {"n": n, "k": 1})
        await t.settle()
        assert [each["codes"] for each in await fired(t, tasks.declared_tasks["react"])] == [["a2", "b4"], ["a3", "b5"]]


async def test_any_pairs_with_any(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=(on_event("a").by(None) & on_event("b").by(None)).with_args_from_run(both))
    async def react(codes: list[str]) -> None: ...

    async with open_kit(tasks) as t:
        for code, n in [("b", 1), ("b", 2), ("a", 3)]:
            await t.emit(code, {"n": n})
        await t.settle()
        assert t.ran(react) == [{"codes": ["a3", "b1"]}]


async def test_an_alternative_fires_for_each_side(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=TriggerBuilder().on_event("a").on_event("b").with_logic("or").with_args_from_event("n"))
    async def react(n: int) -> None: ...

    async with open_kit(tasks) as t:
        for n, code in enumerate(("a", "b", "a")):
            await t.emit(code, {"n": n})
        await t.settle()
        assert [each["n"] for each in await fired(t, react)] == [0, 1, 2]


async def test_one_occurrence_fires_a_trigger_once_though_it_fits_twice(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("a") | on_event("a.*") | on_event("a.b", {"n": 1}))
    async def react() -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("a.b", {"n": 1})
        await t.settle()
        assert len(t.ran(react)) == 1
        (run,) = await facts(t, TriggerFired)
        assert run.branch == 1


async def test_the_first_completed_branch_supplies_the_participants_and_what_it_used_waits_no_more(
    open_kit: OpenKit,
) -> None:
    tasks = Tasks()
    a, b, c = on_event("a").by("k"), on_event("b").by("k"), on_event("c").by("k")

    @tasks.task(triggers=(a & (b | c)).within("1h").with_args_from_run(both))
    async def react(codes: list[str]) -> None: ...

    async with open_kit(tasks) as t:
        for code, n in [("b", 1), ("c", 2), ("a", 3), ("a", 4), ("a", 5)]:
            await t.emit(code, {"n": n, "k": 1})
        await t.settle()
        assert [each["codes"] for each in await fired(t, react)] == [["a3", "b1"], ["a4", "c2"]]
        assert [each.branch for each in await facts(t, TriggerFired)] == [0, 1]


async def test_a_join_of_one_task_is_by_invocation_and_closes_with_its_end(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(max_retries=1, retry_first="5ms")
    async def work(n: int) -> int:
        if n == 1 and current().attempt == 1:
            raise ValueError("again")
        return n

    @tasks.task(triggers=(on_status(work, "RETRY") & on_success(work)).with_args_from_status("n"))
    async def recovered(n: int) -> None: ...

    @tasks.task(triggers=on_status(work, "RUNNING") & on_exception(work))
    async def ran_and_failed() -> None: ...

    async with open_kit(tasks) as t:
        await t.submit(work, 0)
        await t.submit(work, 1)
        await t.settle()
        assert (t.ran(recovered), t.ran(ran_and_failed)) == ([{"n": 1}], [])
        dropped = await facts(t, MatchesDropped)
        matched = await facts(t, ConditionMatched)
        assert {each.reason for each in dropped} == {"closed"}
        assert sum(len(each.matches) for each in dropped) == len(matched) - 1
        assert (await t.engine.store.decisions.load("main")).waiting == ()


async def test_two_triggers_with_equal_conditions_are_two(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=[on_event("a").with_args_static({"n": 1}), on_event("a").with_args_static({"n": 2})])
    async def react(n: int) -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("a", {})
        await t.settle()
        assert sorted(each["n"] for each in t.ran(react)) == [1, 2]


async def test_an_event_heard_by_more_triggers_than_a_step_holds_reaches_each_once(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=[on_event("a").named(f"t{n}") for n in range(25)])
    async def react() -> None: ...

    async with open_kit(tasks, defaults=Defaults(step_facts_max=4, lease_seconds=1e6, heartbeat_seconds=1e5)) as t:
        await t.engine.emit_many("a", [{}, {}])
        await t.settle()
        runs = await facts(t, TriggerFired)
        assert len(runs) == len({(each.trigger, each.participants[0].source) for each in runs}) == 50


async def test_a_match_serves_one_run_only(open_kit: OpenKit) -> None:
    tasks = joined()
    async with open_kit(tasks, defaults=BRISK) as t:
        await t.emit("a", {"n": 1, "k": 1})
        for n in (2, 3):
            await t.emit("b", {"n": n, "k": 1})
        await t.settle()
        assert [each["codes"] for each in await fired(t, tasks.declared_tasks["react"])] == [["a1", "b2"]]
        used = [each.match for run in await facts(t, TriggerFired) for each in run.participants]
        assert len(used) == len(set(used))
