"""The engine as people use it: handles, keys, correlation, resources, lifespans, blocking calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ensue import (
    BadValue,
    Engine,
    Event,
    Handle,
    IdempotencyConflict,
    NotFound,
    NotRunning,
    QueueFull,
    Status,
    TaskCancelled,
    TaskFailed,
    Tasks,
    UnknownTask,
    WaitTimeout,
    current,
    on_event,
    on_status,
)
from ensue_core.defaults import Defaults
from ensue_core.facts import EventEmitted, InvocationCreated


class Paid(msgspec.Struct, frozen=True):
    order: str
    amount: int


class Declined(Exception): ...


paid = Event("order.paid", Paid)
tasks = Tasks("api")


@tasks.task
async def double(number: int, times: int = 2) -> int:
    return number * times


@tasks.task
def add_in_thread(left: int, right: int) -> tuple[int, str]:
    return left + right, threading.current_thread().name


@tasks.task(raises=Declined)
async def decline(why: str) -> None:
    raise Declined(why)


@tasks.task
async def fail() -> None:
    raise ValueError("no")


@tasks.task
async def never() -> None:
    await asyncio.Event().wait()


@tasks.task
async def through(handle: Handle[int]) -> int:
    return await handle.result(timeout=10) + 1


@tasks.task(triggers=on_event(paid).with_args_from_event("order"))
async def ship(order: str) -> str:
    current().emit("order.shipped", {"order": order})
    return order


@tasks.task(triggers=on_status(ship))
async def thank() -> None: ...


def engine_on(path: Path, **options: object) -> Engine:
    return Engine(f"sqlite:///{path}/engine.db", tasks=[tasks], app_id="api", **options)  # type: ignore[arg-type]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    opened = engine_on(tmp_path)
    async with opened.running(grace_seconds=0):
        yield opened


async def test_a_result_comes_back_typed_and_with_defaults(engine: Engine) -> None:
    handle = await double.submit(21)
    assert await handle.result(timeout=10) == 42
    assert await handle.status() is Status.SUCCESS
    statuses = [change.status for change in await handle.history()]
    assert statuses == [Status.REGISTERED, Status.PENDING, Status.RUNNING, Status.SUCCESS]
    assert (await engine.invocations.get(handle.id)).arguments == {"number": 21, "times": 2}


async def test_sync_tasks_run_in_a_thread(engine: Engine) -> None:
    total, thread = await (await add_in_thread.submit(1, 2)).result(timeout=10)
    assert total == 3
    assert thread != threading.current_thread().name


async def test_listed_exceptions_are_raised_as_themselves_and_others_as_task_failed(engine: Engine) -> None:
    with pytest.raises(Declined, match="too much"):
        await (await decline.submit("too much")).result(timeout=10)
    with pytest.raises(TaskFailed, match=r"api\.fail failed with builtins\.ValueError: no") as caught:
        await (await fail.submit()).result(timeout=10)
    assert "ValueError" in caught.value.traceback


async def test_a_handle_travels_as_an_argument_and_a_waiting_body_frees_its_slot(tmp_path: Path) -> None:
    engine = engine_on(tmp_path)
    async with engine.running(async_slots=1, grace_seconds=0):
        inner = await double.submit(4)
        outer = await engine.submit(through, await engine.submit(through, inner))
        assert await outer.result(timeout=10) == 10


async def test_waiting_gives_up_and_the_invocation_goes_on(engine: Engine) -> None:
    handle = await never.submit()
    with pytest.raises(WaitTimeout, match="has not ended after"):
        await handle.result(timeout=0.2)
    assert await handle.status() in (Status.RUNNING, Status.REGISTERED)
    assert await handle.cancel("enough") is True
    with pytest.raises(TaskCancelled):
        await handle.result(timeout=10)
    assert await handle.cancel() is False


async def test_an_unknown_id_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        await engine.handle("0" * 32).status()


async def test_an_equal_key_is_one_event_and_another_payload_a_conflict(engine: Engine) -> None:
    first = await engine.emit(paid, Paid("a", 1), idempotency_key="k")
    again = await engine.emit(paid, Paid("a", 1), idempotency_key="k")
    assert (again.id, first.duplicate, again.duplicate) == (first.id, False, True)
    with pytest.raises(IdempotencyConflict, match="already used"):
        await engine.emit(paid, Paid("a", 2), idempotency_key="k")
    await first.settled(timeout=10)
    assert len((await engine.runs.list(source=first.id)).items) == 1


async def test_an_equal_submit_key_is_one_invocation(engine: Engine) -> None:
    one = await double.options(idempotency_key="k").submit(1)
    two = await double.options(idempotency_key="k").submit(1)
    assert (one.id, two.duplicate) == (two.id, True)
    with pytest.raises(IdempotencyConflict):
        await double.options(idempotency_key="k").submit(2)


async def test_correlation_and_causation_are_kept_and_passed_on(engine: Engine) -> None:
    event = await engine.emit(paid, Paid("a", 1), correlation_id="order-a", causation_id="click-7")
    await event.settled(timeout=10)
    records = await engine.store.log.read(event.position - 1, 50)
    assert records[0].cause == "click-7"
    assert isinstance(records[0].fact, EventEmitted)
    assert records[0].fact.correlation == "order-a"
    caused = [each for each in records if each.kind != "Decided"]
    assert {each.root for each in caused} == {"order-a"}
    handle = await double.options(correlation_id="batch-1", causation_id="cron").submit(1)
    created = await engine.store.log.find(handle.id)  # type: ignore[arg-type]
    assert created is not None
    assert (created.root, created.cause) == ("batch-1", "cron")
    assert isinstance(created.fact, InvocationCreated)


async def test_settled_waits_for_all_that_was_caused(engine: Engine) -> None:
    event = await engine.emit(paid, Paid("a", 1))
    await event.settled(timeout=10)
    shipped = (await engine.events.list(code="order.shipped")).items
    assert [each.emitter is not None for each in shipped] == [True]
    done = (await engine.invocations.list(task="api.thank")).items
    assert [each.status for each in done] == ["SUCCESS"]


async def test_emit_many_is_one_batch_or_nothing(engine: Engine) -> None:
    emitted = await engine.emit_many(paid, [Paid(str(number), number) for number in range(50)])
    positions = [each.position for each in emitted]
    assert positions == list(range(positions[0], positions[0] + 50))
    head = await engine.store.log.head()
    with pytest.raises(BadValue):
        await engine.emit_many("x", [{"ok": 1}, {"bad": float("nan")}])
    records = await engine.store.log.read(head.position, 1_000)
    assert not [each for each in records if isinstance(each.fact, EventEmitted) and each.fact.code == "x"]


async def test_the_queue_has_a_bound_and_says_so(tmp_path: Path) -> None:
    engine = engine_on(tmp_path, defaults=Defaults(queued_max=2, poll_seconds=0.001))
    async with engine:
        await double.submit(1)
        await asyncio.sleep(0.005)
        await double.submit(2)
        await asyncio.sleep(0.005)
        with pytest.raises(QueueFull, match="2 invocations are queued and the bound is 2"):
            await double.submit(3)


async def test_nothing_works_while_closed(tmp_path: Path) -> None:
    engine = engine_on(tmp_path)
    with pytest.raises(NotRunning):
        await engine.emit("x", {})
    with pytest.raises(NotRunning):
        await double.submit(1)


async def test_a_task_of_nobody_is_unknown(engine: Engine) -> None:
    other = Tasks("other")

    @other.task
    async def lonely() -> None: ...

    with pytest.raises(UnknownTask, match=r"other\.lonely"):
        await engine.submit(lonely)


async def test_a_lifespan_may_be_closed_by_another_task(tmp_path: Path) -> None:
    engine = engine_on(tmp_path)
    context = engine.lifespan(object())
    await asyncio.create_task(_enter(context))
    assert (await engine.emit(paid, Paid("a", 1))).position == 1
    await asyncio.create_task(_leave(context))
    with pytest.raises(NotRunning):
        await engine.emit(paid, Paid("a", 1))


async def test_running_may_be_left_by_another_task(tmp_path: Path) -> None:
    engine = engine_on(tmp_path)
    context = engine.running(grace_seconds=0)
    await asyncio.create_task(_enter(context))
    assert await (await double.submit(2)).result(timeout=10) == 4
    await asyncio.create_task(_leave(context))


async def _enter(context: object) -> None:
    await context.__aenter__()  # type: ignore[attr-defined]


async def _leave(context: object) -> None:
    await context.__aexit__(None, None, None)  # type: ignore[attr-defined]


def test_blocking_calls_open_the_engine_on_a_loop_of_their_own(tmp_path: Path) -> None:
    engine = engine_on(tmp_path)
    with engine.sync as blocking:
        emitted = blocking.emit(paid, Paid("a", 1), idempotency_key="k")
        assert emitted.position == 1
        handle = blocking.submit(double, 4)
        with pytest.raises(WaitTimeout):
            blocking.result(handle, timeout=0.05)
    assert engine.loop is None


async def test_a_task_may_have_a_parameter_named_connection(tmp_path: Path) -> None:
    own = Tasks("own")

    @own.task
    async def dial(connection: str) -> str:
        return connection

    async with Engine(f"sqlite:///{tmp_path}/own.db", tasks=[own]).running() as engine:
        handle = await engine.submit(dial, connection="one")
        assert await handle.result(timeout=10) == "one"
        keyed = dial.options(idempotency_key="k")
        first, again = await engine.submit(keyed, "two"), await engine.submit(keyed, connection="two")
        assert (first.id, again.duplicate) == (again.id, True)
        blocking = await asyncio.to_thread(engine.sync.submit, keyed, connection="two")
        assert blocking.id == first.id


async def test_blocking_calls_from_a_thread_use_the_open_loop(engine: Engine) -> None:
    def work() -> int:
        handle = engine.sync.submit(double, 5)
        emitted = engine.sync.emit(paid, Paid("t", 1))
        engine.sync.settled(emitted, timeout=10)
        return engine.sync.result(handle, timeout=10)

    assert await asyncio.to_thread(work) == 10


async def test_a_blocking_call_on_the_own_loop_is_refused(engine: Engine) -> None:
    with pytest.raises(NotRunning, match="would wait for itself"):
        engine.sync.emit("x", {})


async def test_resources_open_once_close_in_reverse_and_are_typed(tmp_path: Path) -> None:
    said: list[str] = []
    own = Tasks("own")

    @own.resource
    async def first() -> AsyncIterator[str]:
        said.append("open first")
        yield "one"
        said.append("close first")

    @own.resource
    async def second() -> AsyncIterator[str]:
        said.append("open second")
        yield "two"
        said.append("close second")

    @own.task
    async def use() -> str:
        return first() + second()

    engine = Engine(f"sqlite:///{tmp_path}/r.db", tasks=[own], app_id="r")
    async with engine.running(grace_seconds=1):
        assert await (await use.submit()).result(timeout=10) == "onetwo"
        assert await (await use.submit()).result(timeout=10) == "onetwo"
    assert said == ["open first", "open second", "close second", "close first"]


async def test_a_resource_that_does_not_open_stops_the_start(tmp_path: Path) -> None:
    own = Tasks("own")
    current_pool: int | None = None

    @own.resource
    async def broken() -> AsyncIterator[int]:
        if current_pool is None:
            raise RuntimeError("no pool")
        yield current_pool

    engine = Engine(f"sqlite:///{tmp_path}/r.db", tasks=[own], app_id="r")
    with pytest.raises(RuntimeError, match="no pool"):
        async with engine.running(grace_seconds=0):
            pass
