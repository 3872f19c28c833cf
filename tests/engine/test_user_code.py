"""User code that raises or hangs never reaches emitter, upstream task or neighbours."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ensue import Defaults, EventContext, StatusContext, Tasks, on_event, on_status, on_success
from ensue_core.facts import AttemptEnded, ConditionFailed, RunFailed, TriggerFired, TriggerPaused
from tests.engine.kits import OpenKit, SQLiteKits, facts


def raises(value: Any) -> bool:
    raise RuntimeError("a filter that raises")


def exits(value: Any) -> bool:
    raise SystemExit(3)


def says_maybe(value: Any) -> bool:
    return 1  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(("filter_", "reason"), [(raises, "raised"), (exits, "raised"), (says_maybe, "not a bool")])
async def test_a_filter_that_cannot_answer_is_a_fact_and_reaches_nobody(
    open_kit: OpenKit, filter_: Any, reason: str
) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go", filter_))
    async def poisoned() -> None: ...

    @tasks.task(triggers=on_event("go").with_args_from_event("n"))
    async def neighbour(n: int) -> int:
        return n

    @tasks.task(triggers=on_success(neighbour, filter_))
    async def poisoned_too() -> None: ...

    async with open_kit(tasks) as t:
        for n in (1, 2):
            emitted = await t.emit("go", {"n": n})
            assert emitted.id
        await t.settle()
        assert (t.ran(poisoned), t.ran(poisoned_too), len(t.ran(neighbour))) == ([], [], 2)
        ends = await facts(t, AttemptEnded)
        assert [each.status for each in ends] == ["SUCCESS", "SUCCESS"]
        failed = await facts(t, ConditionFailed)
        assert [each.reason for each in failed] == [reason] * 4
        assert len({(each.trigger, each.position) for each in failed}) == 4
        assert len(t.problems()) == 4


def provider_exits(context: EventContext[Any]) -> dict[str, Any]:
    raise SystemExit("a provider that ends its process")


async def test_a_provider_that_raises_ends_no_process(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event(provider_exits))
    async def poisoned(n: int) -> None: ...

    @tasks.task(triggers=on_event("go"))
    async def neighbour() -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("go", {})
        await t.emit("go", {})
        await t.settle()
        assert (len(t.ran(neighbour)), t.ran(poisoned)) == (2, [])
        assert [each.reason for each in await facts(t, RunFailed)] == ["raised"] * 2


_let_go = threading.Event()


def hangs(value: Any) -> bool:
    _let_go.wait(20)
    return True


async def test_a_filter_that_hangs_is_paused_as_a_fact_after_three_timeouts_and_delays_nobody_for_ever(
    tmp_path: Any,
) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go", hangs).named("hanging"))
    async def poisoned() -> None: ...

    @tasks.task(triggers=on_event("go").with_args_from_event("n"))
    async def neighbour(n: int) -> None: ...

    _let_go.clear()
    defaults = Defaults(user_code_deadline_seconds=0.05, lease_seconds=2.0, heartbeat_seconds=0.5)
    async with SQLiteKits(tmp_path)(tasks, defaults=defaults) as t:
        for n in range(6):
            await t.emit("go", {"n": n})
        await t.settle()
        assert (sorted(each["n"] for each in t.ran(neighbour)), t.ran(poisoned)) == ([*range(6)], [])
        assert [each.reason for each in await facts(t, ConditionFailed)] == ["timeout"] * 3
        (paused,) = await facts(t, TriggerPaused)
        assert (paused.trigger, paused.reason) == ("poisoned/hanging", "timeouts")
        view = await t.engine.triggers.get("poisoned/hanging")
        assert (view.state, view.reason) == ("paused", "timeouts")
        _let_go.set()
        await t.engine.triggers.resume("poisoned/hanging", "catch up")
        await t.settle()
        assert len(t.ran(poisoned)) == 3, "what was not asked before it was paused is asked when it is resumed"


def never_right(context: StatusContext) -> dict[str, Any]:
    raise KeyError(context.task)


async def test_a_downstream_provider_leaves_the_upstream_as_it_was(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task
    async def upstream() -> str:
        return "done"

    @tasks.task(triggers=on_status(upstream, ["RUNNING", "SUCCESS"]).with_args_from_status(never_right))
    async def downstream(n: int) -> None: ...

    async with open_kit(tasks) as t:
        handle = await t.submit(upstream)
        await t.settle()
        assert await handle.result() == "done"
        assert len(await facts(t, RunFailed)) == 2
        assert await facts(t, TriggerFired) == []
