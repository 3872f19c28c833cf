"""Sync bodies in threads: on a real loop, synchronised by events, never by sleeping."""

import asyncio
import contextvars
import threading

import pytest

from ensue.current import current, slot_released, slot_released_sync
from ensue.offload import Threads
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.defaults import Defaults
from ensue_core.facts import EventEmitted
from tests.worker.bench import Bench, Program, soon

WAIT = 10


async def test_a_sync_body_that_blocks_leaves_the_loop_free() -> None:
    program = Program()
    blocked, go = threading.Event(), threading.Event()

    def blocks() -> str:
        blocked.set()
        assert go.wait(WAIT)
        return threading.current_thread().name

    async def quick() -> None: ...

    program.task(blocks)
    program.task(quick)
    bench = Bench(program, SYSTEM_CLOCK)
    async with bench.running(offload=Threads(), thread_slots=1):
        blocking = await bench.submit("blocks")
        await bench.started(1)
        for _ in range(10):
            await bench.submit("quick")
        await bench.ended(10)
        assert bench.ends(blocking) == []
        go.set()
        (end,) = await bench.ended(1, blocking)
    assert blocked.is_set()
    assert bytes(end.result or b"").startswith(b'"ensue-task-')


async def test_never_more_threads_work_than_there_are_slots_and_they_are_reused() -> None:
    program = Program()
    lock, names = threading.Lock(), set[str]()
    now = most = 0
    three = threading.Barrier(3)

    def works() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            names.add(threading.current_thread().name)
        three.wait(WAIT)
        with lock:
            now -= 1

    program.task(works)
    bench = Bench(program, SYSTEM_CLOCK)
    async with bench.running(offload=Threads(), thread_slots=3):
        await bench.submit_many("works", 30)
        await bench.ended(30)
    assert bench.statuses() == ["SUCCESS"] * 30
    assert (most, len(names)) == (3, 3)


async def test_a_sync_body_has_its_attempt_its_context_and_its_emits() -> None:
    program = Program()
    variable = contextvars.ContextVar("variable", default="unset")

    def emits() -> str:
        current().emit("from.thread", {"attempt": current().attempt})
        variable.set("changed in the thread")
        return current().id

    program.task(emits)
    bench = Bench(program, SYSTEM_CLOCK)
    async with bench.running(offload=Threads()):
        invocation = await bench.submit("emits")
        (end,) = await bench.ended()
    assert bytes(end.result or b"").decode() == f'"{invocation}"'
    assert [bytes(fact.payload) for fact in bench.facts(EventEmitted)] == [b'{"attempt":1}']
    assert variable.get() == "unset"


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_sync_bodies_that_wait_for_each_other_need_no_more_slots_than_one(how: str) -> None:
    program = Program()
    loop = asyncio.get_running_loop()

    async def waited_for(invocation: str) -> None:
        async with slot_released():
            await bench.until(lambda: any(end.invocation == invocation for end in bench.ends()))

    def parent(depth: int) -> int:
        if depth == 0:
            return 0
        child = asyncio.run_coroutine_threadsafe(bench.submit("parent", depth=depth - 1), loop).result(WAIT)
        if how == "async":
            asyncio.run_coroutine_threadsafe(waited_for(child), loop).result(WAIT)
        else:
            with slot_released_sync():
                asyncio.run_coroutine_threadsafe(bench.ended(1, child), loop).result(WAIT)
        return depth

    program.task(parent)
    bench = Bench(program, SYSTEM_CLOCK)
    async with bench.running(offload=Threads(), thread_slots=1) as worker:
        await bench.submit("parent", depth=10)
        await bench.ended(11)
        await soon(lambda: worker.idle)
        assert worker.reserve("parent")
        assert not worker.reserve("parent")
    assert bench.statuses() == ["SUCCESS"] * 11


async def test_a_cancelled_sync_body_sees_it_and_keeps_its_slot_until_it_is_back() -> None:
    program = Program()
    began, seen, go = threading.Event(), list[bool](), threading.Event()

    def looks() -> None:
        began.set()
        assert go.wait(WAIT)
        seen.append(current().cancelled)

    program.task(looks)
    bench = Bench(program, SYSTEM_CLOCK)
    async with bench.running(offload=Threads(), thread_slots=1) as worker:
        invocation = await bench.submit("looks")
        await bench.started(1)
        await soon(began.is_set)
        assert await bench.cancel(invocation)
        assert worker.cancel_body(invocation)
        assert (worker.running, worker.reserve("looks")) == (1, False)
        go.set()
        await soon(lambda: worker.idle)
        assert worker.reserve("looks")
    assert (seen, bench.ends()) == ([True], [])


async def test_a_thread_that_hangs_ends_by_its_timeout_and_does_not_hold_up_a_drain() -> None:
    program = Program()
    go = threading.Event()

    def hangs() -> None:
        go.wait(WAIT)

    program.task(hangs, timeout_seconds=0.05)
    bench = Bench(program, SYSTEM_CLOCK, Defaults(heartbeat_seconds=0.05))
    worker = await bench.worker(offload=Threads(), thread_slots=2)
    run = asyncio.create_task(worker.run())
    await bench.submit("hangs")
    (end,) = await bench.ended()
    assert end.failure is not None
    assert (end.status, end.failure.type) == ("FAILED", "builtins.TimeoutError")
    assert worker.running == 1
    await worker.drain(0)
    await run
    go.set()


async def test_offloaded_functions_return_raise_and_leave_no_thread_behind() -> None:
    threads = Threads("leaves-none", idle_max=2)

    def raises() -> None:
        raise KeyError("x")

    assert await threads.run(max, 1, 2) == 2
    with pytest.raises(KeyError):
        await threads.run(raises)
    assert len(set(await asyncio.gather(*(threads.run(threading.get_ident) for _ in range(5))))) >= 1
    mine = [each for each in threading.enumerate() if each.name.startswith("leaves-none")]
    threads.close()
    for each in mine:
        each.join(WAIT)
        assert not each.is_alive()
