"""Events: keys, repeats inside tasks, events that come with a success, causes and roots, and being settled."""

from __future__ import annotations

import asyncio

import pytest

from ensue import (
    Defaults,
    Engine,
    Event,
    IdempotencyConflict,
    Tasks,
    WaitTimeout,
    current,
    on_cron,
    on_event,
    on_success,
)
from ensue_core.facts import AttemptEnded, DepthExceeded, EventEmitted, InvocationCreated, TriggerFired
from tests.engine.kits import OpenKit, facts, records


def reacting() -> Tasks:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go").with_args_from_event("n"))
    async def react(n: int) -> int:
        return n

    return tasks


async def test_an_equal_key_is_the_same_event_and_reacts_once(open_kit: OpenKit) -> None:
    tasks = reacting()
    async with open_kit(tasks) as t:
        first = await t.emit("go", {"n": 1, "m": 2}, idempotency_key="k")
        again = await t.emit("go", {"m": 2, "n": 1}, idempotency_key="k")
        other = await t.emit("go", {"n": 1}, idempotency_key="k2")
        await t.emit("went", {"n": 5}, idempotency_key="k")
        assert (again.id, again.duplicate, first.duplicate, other.duplicate) == (first.id, True, False, False)
        await t.settle()
        assert len(t.ran("react")) == 2


async def test_an_equal_key_with_another_payload_is_a_conflict_and_adds_nothing(open_kit: OpenKit) -> None:
    async with open_kit(reacting()) as t:
        await t.emit("go", {"n": 1}, idempotency_key="k")
        with pytest.raises(IdempotencyConflict):
            await t.emit("go", {"n": True}, idempotency_key="k")
        await t.settle()
        assert t.ran("react") == [{"n": 1}]


async def test_a_submit_with_an_equal_key_is_the_same_invocation(open_kit: OpenKit) -> None:
    tasks = reacting()
    react = tasks.declared_tasks["react"]
    async with open_kit(tasks) as t:
        one = await react.options(idempotency_key="k").submit(n=3)
        two = await react.options(idempotency_key="k").submit(n=3)
        assert (one.id, two.duplicate) == (two.id, True)
        with pytest.raises(IdempotencyConflict):
            await react.options(idempotency_key="k").submit(n=4)
        await t.settle()
        assert t.results("react") == [3]


async def test_what_a_body_emits_and_submits_again_when_it_is_retried_is_the_same(open_kit: OpenKit) -> None:
    tasks = reacting()
    react = tasks.declared_tasks["react"]
    opened: list[Engine] = []

    @tasks.task(max_retries=2, retry_first="5ms")
    async def body() -> int:
        engine = opened[0]
        for n in (1, 1, 2):
            await engine.emit("go", {"n": n})
        await react.submit(n=7)
        current().emit("came", {"attempt": "any"})
        if current().attempt < 3:
            raise ValueError("again")
        return current().attempt

    async with open_kit(tasks) as t:
        opened.append(t.engine)
        await t.submit(body)
        await t.settle()
        assert t.results("body") == [3]
        assert t.emitted("go") == [{"n": 1}, {"n": 1}, {"n": 2}]
        assert t.emitted("came") == [{"attempt": "any"}]
        assert sorted(each["n"] for each in t.ran(react)) == [1, 1, 2, 7]
        assert len(await facts(t, InvocationCreated)) == 2


async def test_events_that_come_with_a_success_stand_right_behind_it_and_never_without(open_kit: OpenKit) -> None:
    tasks = Tasks()
    gone = Event("gone", dict[str, int])

    @tasks.task(max_retries=1, retry_first="5ms")
    async def body(fails: bool) -> None:
        for n in range(2):
            current().emit(gone, {"n": n})
        if fails:
            raise ValueError("no")

    async with open_kit(tasks) as t:
        await t.submit(body, True)
        await t.submit(body, False)
        await t.settle()
        log = await records(t)
        (success,) = [each for each in log if isinstance(each.fact, AttemptEnded) and each.fact.status == "SUCCESS"]
        events = [each for each in log if isinstance(each.fact, EventEmitted)]
        assert [each.position for each in events] == [success.position + 1, success.position + 2]
        assert {each.cause for each in events} == {success.cause}


async def test_every_record_knows_its_cause_and_its_root(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("go"))
    async def first() -> None:
        current().emit("more", {})

    @tasks.task(triggers=on_event("more"))
    async def second() -> None: ...

    @tasks.task(triggers=on_success(second))
    async def third() -> None: ...

    async with open_kit(tasks) as t:
        emitted = await t.emit("go", {})
        await t.settle()
        for record in await records(t):
            if isinstance(record.fact, (EventEmitted, TriggerFired, AttemptEnded)):
                assert record.root == emitted.id, record
        assert [each.depth for each in await facts(t, TriggerFired)] == [1, 2, 3]
        trace = await t.engine.trace(emitted.id)
        assert trace.root.id == emitted.id
        assert trace.nodes >= 8


async def test_a_cause_and_a_root_are_taken_from_outside(open_kit: OpenKit) -> None:
    tasks = reacting()
    async with open_kit(tasks) as t:
        await t.engine.emit("go", {"n": 1}, correlation_id="order-7", causation_id="mail-3")
        await t.settle()
        event, *others = [each for each in await records(t) if isinstance(each.fact, (EventEmitted, TriggerFired))]
        assert (event.root, event.cause) == ("order-7", "mail-3")
        assert [each.root for each in others] == ["order-7"]


async def test_a_chain_of_causes_ends_at_the_limit_with_a_fact(open_kit: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("again"))
    async def loop() -> None:
        current().emit("again", {})

    async with open_kit(tasks, defaults=Defaults(cause_depth_max=5, lease_seconds=1e6, heartbeat_seconds=1e5)) as t:
        await t.emit("again", {})
        await t.settle()
        assert len(t.ran(loop)) == 5
        (deep,) = await facts(t, DepthExceeded)
        assert deep.depth == 6
        (shown,) = (await t.engine.runs.list(outcome="too deep")).items
        assert shown.trigger == deep.trigger


async def test_settled_waits_for_all_that_an_event_causes_through_joins_too(open_kit: OpenKit) -> None:
    tasks = Tasks()
    done: list[str] = []

    @tasks.task(triggers=on_event("a").with_args_from_event("k"))
    async def work(k: int) -> int:
        await asyncio.sleep(0.05)
        current().emit("b", {"k": k})
        return k

    @tasks.task(triggers=on_event("other").by("k") & on_event("b").by("k"))
    async def close() -> None:
        await asyncio.sleep(0.05)
        done.append("closed")

    @tasks.task(triggers=on_cron("0 0 29 2 *"))
    async def never() -> None: ...

    async with open_kit(tasks) as t:
        await t.emit("other", {"k": 1})
        emitted = await t.emit("a", {"k": 1})
        lone = await t.emit("a", {"k": 2})
        if open_kit.kind == "memory":
            await t.settle()
        await emitted.settled(timeout=10)
        assert done == ["closed"]
        await lone.settled(timeout=10)  # its "b" waits for a partner, which holds nobody up
        await emitted.settled(timeout=10)


async def test_a_join_that_another_event_completes_holds_both(open_virtual: OpenKit) -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_event("first").by("k") & on_event("second").by("k"))
    async def close() -> None:
        await asyncio.sleep(5)

    async with open_virtual(tasks) as t:
        first = await t.emit("first", {"k": 1})
        await t.settle()
        await t.emit("second", {"k": 1})
        await t.advance("1s")
        waiting = asyncio.ensure_future(first.settled(timeout=60))
        await t.advance("1s")
        assert not waiting.done()
        await t.advance("5s")
        assert waiting.done()
        await waiting


async def test_settled_says_what_is_open(open_kit: OpenKit) -> None:
    tasks = Tasks()
    let_go = asyncio.Event()

    @tasks.task(triggers=on_event("a"))
    async def work() -> None:
        await let_go.wait()

    async with open_kit(tasks) as t:
        emitted = await t.emit("a", {})
        if open_kit.kind == "memory":
            waiting = asyncio.ensure_future(emitted.settled(timeout=5))
            await t.advance("10s")
            with pytest.raises(WaitTimeout, match="not settled"):
                await waiting
        else:
            with pytest.raises(WaitTimeout, match="not settled"):
                await emitted.settled(timeout=0.3)
        let_go.set()
        await t.settle()
        await emitted.settled(timeout=5)


async def test_positions_are_dense_and_times_never_go_back(open_kit: OpenKit) -> None:
    async with open_kit(reacting()) as t:
        await asyncio.gather(*(t.emit("go", {"n": n}) for n in range(40)))
        await t.settle()
        log = await records(t)
        assert [each.position for each in log] == [*range(1, len(log) + 1)]
        assert [each.time for each in log] == sorted(each.time for each in log)
        assert len({each.id for each in log}) == len(log)
