"""What each condition fires for, row by row as semantics.md says."""

from __future__ import annotations

from typing import Any

import pytest

from ensue import (
    EndContext,
    Event,
    ExceptionContext,
    ResultContext,
    StatusContext,
    Tasks,
    contains,
    current,
    eq,
    exists,
    ge,
    gt,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_result,
    on_status,
    on_success,
    one_of,
    prefix,
)
from ensue_core.facts import CronTicked
from tests.engine.kits import OpenKit, facts, fired


async def test_an_event_fires_each_time_it_comes_and_no_other_does(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("order.paid").with_args_from_event("n"))
    async def react(n: int) -> None: ...

    async with open_kit(tasks) as t:
        for n in (1, 1, 2):
            await t.emit("order.paid", {"n": n})
        await t.emit("order.paid.late", {"n": 8})
        await t.emit("order", {"n": 9})
        await t.settle()
        assert t.ran(react) == [{"n": 1}, {"n": 1}, {"n": 2}]


async def test_a_family_has_all_codes_below_it(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("orders.*").with_args_from_event("n"))
    async def react(n: int) -> None: ...

    async with open_kit(tasks) as t:
        for n, code in enumerate(("orders.eu", "orders.eu.paid", "orders", "ordersx.eu", "x.orders.eu")):
            await t.emit(code, {"n": n})
        await t.settle()
        assert t.ran(react) == [{"n": 0}, {"n": 1}]


def is_large(payload: dict[str, Any]) -> bool:
    return bool(payload["n"] > 10)


FILTERS: list[tuple[Any, Any, Any]] = [
    ({"kind": "eu"}, {"kind": "eu", "n": 1}, {"kind": "us"}),
    ({"kind": "eu"}, {"kind": "eu"}, {"n": 1}),
    ({"a": {"b": 1}}, {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}),
    ({"a.b": 1}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 2}}),
    ({"n": gt(5)}, {"n": 6}, {"n": 5}),
    ({"n": ge(5)}, {"n": 5}, {"n": 4}),
    ({"n": 1}, {"n": 1.0}, {"n": True}),
    ({"n": 1}, {"n": 1}, {"n": "1"}),
    ({"kind": one_of("eu", "us")}, {"kind": "us"}, {"kind": "as"}),
    ({"tags": contains("hot")}, {"tags": ["new", "hot"]}, {"tags": ["new"]}),
    ({"name": prefix("ab")}, {"name": "abc"}, {"name": "cab"}),
    ({"n": exists(False)}, {"m": 1}, {"n": None}),
    (eq({"n": 1}), {"n": 1}, {"n": 1, "m": 2}),
    (is_large, {"n": 11}, {"n": 10}),
]


@pytest.mark.parametrize(("payload_filter", "yes", "no"), FILTERS)
async def test_a_payload_filter_says_which_events_count(
    open_virtual: OpenKit, payload_filter: Any, yes: Any, no: Any
) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("e", payload_filter))
    async def react() -> None: ...

    async with open_virtual(tasks) as t:
        await t.emit("e", no)
        await t.settle()
        assert t.ran(react) == []
        await t.emit("e", yes)
        await t.settle()
        assert len(t.ran(react)) == 1
        assert t.problems() == []


def note(context: StatusContext) -> dict[str, Any]:
    return {"status": str(context.status), "attempt": context.attempt}


async def test_every_change_of_status_fires_and_each_attempt_its_own(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(max_retries=2, retry_first="10ms")
    async def flaky() -> int:
        if current().attempt < 3:
            raise ValueError("not yet")
        return 1

    @tasks.task(
        triggers=on_status(flaky, ["REGISTERED", "PENDING", "running", "RETRY", "SUCCESS"]).with_args_from_status(note)
    )
    async def seen(status: str, attempt: int) -> None: ...

    async with open_kit(tasks) as t:
        await t.submit(flaky)
        await t.settle()
        assert [(each["status"], each["attempt"]) for each in await fired(t, seen)] == [
            ("REGISTERED", 0), ("PENDING", 1), ("RUNNING", 1), ("RETRY", 1), ("PENDING", 2), ("RUNNING", 2),
            ("RETRY", 2), ("PENDING", 3), ("RUNNING", 3), ("SUCCESS", 3),
        ]  # fmt: skip


def of_result(context: ResultContext[Any]) -> dict[str, Any]:
    return {"value": context.result, "n": context.arguments["n"]}


async def test_a_success_fires_whatever_the_value_and_brings_it(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def work(n: int = 7) -> Any:
        if n == 0:
            raise ValueError("no")
        return [None, n]

    @tasks.task(triggers=on_success(work).with_args_from_result(of_result))
    async def after(value: Any, n: int) -> None: ...

    async with open_kit(tasks) as t:
        for arguments in ({}, {"n": 1}, {"n": 0}):
            await t.engine.submit(work, **arguments)
        await t.settle()
        assert sorted(t.ran(after), key=lambda each: each["n"]) == [
            {"value": [None, 1], "n": 1},
            {"value": [None, 7], "n": 7},
        ]


def of_end(context: EndContext[Any] | StatusContext) -> dict[str, Any]:
    return {"status": str(context.status)}


async def test_any_result_is_each_final_end(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(max_retries=1, retry_first="5ms")
    async def work(fails: bool) -> int:
        if fails:
            raise ValueError("no")
        return 3

    @tasks.task(triggers=on_any_result(work).with_args_from_status(of_end))
    async def both(status: str) -> None: ...

    @tasks.task(triggers=on_any_result(work).with_args_from_result(of_value))
    async def only_successes(value: int) -> None: ...

    async with open_kit(tasks) as t:
        await t.submit(work, True)
        await t.submit(work, False)
        await t.settle()
        assert sorted(each["status"] for each in t.ran(both)) == ["FAILED", "SUCCESS"]
        assert t.ran(only_successes) == [{"value": 3}]
        assert t.problems() == []


def of_value(context: ResultContext[Any]) -> dict[str, Any]:
    return {"value": context.result}


def is_even(result: Any) -> bool:
    return bool(result % 2 == 0)


async def test_a_result_fires_where_it_fits(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def work(value: Any = None) -> Any:
        return value

    @tasks.task(triggers=on_result(work, None))
    async def none() -> None: ...

    @tasks.task(triggers=on_result(work, 3).with_args_from_result(of_value))
    async def three(value: Any) -> None: ...

    @tasks.task(triggers=on_result(work, {"ok": True}).with_args_from_result("ok", "n"))
    async def some(ok: bool, n: int) -> None: ...

    @tasks.task(triggers=on_result(work, eq({"ok": True})))
    async def whole() -> None: ...

    async with open_kit(tasks) as t:
        for value in (None, 3, 4, {"ok": True, "n": 5}, {"ok": False, "n": 6}, {"ok": True}):
            await t.submit(work, value)
        await t.settle()
        assert (t.ran(none), t.ran(three), len(t.ran(whole))) == ([{}], [{"value": 3}], 1)
        assert t.ran(some) == [{"ok": True, "n": 5}]
        assert len(t.problems()) == 1, "{'ok': True} has no field n"


async def test_a_function_may_judge_a_result(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def work(n: int) -> int:
        return n

    @tasks.task(triggers=on_result(work, is_even).with_args_from_result(of_value))
    async def even(value: int) -> None: ...

    async with open_kit(tasks) as t:
        for n in (1, 2, 3, 4):
            await t.submit(work, n)
        await t.settle()
        assert sorted(each["value"] for each in t.ran(even)) == [2, 4]


class Trouble(Exception):
    """A base class."""


class Particular(Trouble):
    """What derives from it."""


@pytest.mark.parametrize(
    ("types", "fires"),
    [
        (None, True), (Particular, True), (Trouble, True), (Exception, True), ("Particular", True), ("Trouble", True),
        (f"{Trouble.__module__}.Trouble", True), ([ValueError, Trouble], True), (ValueError, False), ("Troub", False),
        ("elsewhere.Trouble", False),
    ],
    ids=repr,
)  # fmt: skip
async def test_an_exception_fires_by_class_name_or_base_once_retries_are_exhausted(
    open_virtual: OpenKit, types: Any, fires: bool
) -> None:
    tasks = Tasks()

    @tasks.task(max_retries=2)
    async def work() -> None:
        raise Particular("it broke")

    @tasks.task(triggers=on_exception(work, types).with_args_from_exception(of_failure))
    async def compensate(kind: str, message: str, attempt: int) -> None: ...

    async with open_virtual(tasks) as t:
        await t.submit(work)
        await t.settle()
        expected = [{"kind": "Particular", "message": "it broke", "attempt": 3}] if fires else []
        assert t.ran(compensate) == expected


def of_failure(context: ExceptionContext) -> dict[str, Any]:
    return {"kind": context.exception_type, "message": context.exception_message, "attempt": context.attempt}


async def test_arguments_are_compared_as_bound_with_defaults(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def work(region: str, size: int = 5) -> None: ...

    @tasks.task(triggers=on_success(work, {"size": 5, "region": "eu"}).with_args_from_status("region"))
    async def after(region: str) -> None: ...

    async with open_kit(tasks) as t:
        await t.engine.submit(work, "eu")
        await t.engine.submit(work, region="eu", size=5)
        await t.engine.submit(work, "eu", 6)
        await t.engine.submit(work, "us")
        await t.settle()
        assert t.ran(after) == [{"region": "eu"}, {"region": "eu"}]


async def test_each_slot_of_a_schedule_ticks_once(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_cron("*/15 * * * *").with_args_from_cron("timestamp"))
    async def quarter(timestamp: str) -> None: ...

    @tasks.task(triggers=on_cron("*/20 * * * * *"))
    async def seconds() -> None: ...

    async with open_virtual(tasks, now="2026-01-01T00:00:01Z") as t:
        await t.advance("1h")
        assert [str(each["timestamp"])[11:16] for each in t.ran(quarter)] == ["00:15", "00:30", "00:45", "01:00"]
        assert len(t.ran(seconds)) == 180
        ticks = await facts(t, CronTicked, lambda fact: fact.next - fact.slot == 20_000_000)
        assert len({each.slot for each in ticks}) == len(ticks) == 180


async def test_a_typed_event_reaches_filter_and_task_as_its_type(open_kit: OpenKit) -> None:
    tasks = Tasks()
    paid = Event("paid", dict[str, int])

    @tasks.task(triggers=on_event(paid, is_large).with_args_from_event("n"))
    async def react(n: int) -> None:
        assert isinstance(n, int)

    async with open_kit(tasks) as t:
        await t.emit(paid, {"n": 11})
        await t.emit(paid, {"n": 1})
        await t.settle()
        assert (t.ran(react), t.failures(), t.problems()) == ([{"n": 11}], [], [])


async def test_of_all_that_a_body_does_nothing_reacts_to_itself(open_kit: OpenKit) -> None:
    """An event, its task, its end: three triggers, each for its own thing, none for another's."""
    tasks = Tasks()

    @tasks.task(triggers=on_event("go"))
    async def first() -> None: ...

    @tasks.task(triggers=on_status(first, "RUNNING"))
    async def second() -> None: ...

    @tasks.task(triggers=on_success(second))
    async def third() -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("go")
        await t.settle()
        assert [len(t.ran(each)) for each in (first, second, third)] == [1, 1, 1]
