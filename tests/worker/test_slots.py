"""Slots: never more bodies than slots, and none held by a body that only waits."""

import asyncio
import random

import pytest

from ensue.current import slot_released, slot_released_sync
from ensue.worker import slots as slots_module
from ensue.worker.slots import Hold, Slots
from tests.worker.bench import Bench, Program, soon
from tests.worker.virtual import virtual


class Gauge:
    """Counts how many bodies are at work, and the most there ever were."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    def __enter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        self.now -= 1


@virtual
async def test_never_more_bodies_run_than_there_are_slots() -> None:
    program, gauge = Program(), Gauge()

    async def works() -> None:
        with gauge:
            await asyncio.sleep(1)

    program.task(works)
    bench = Bench(program)
    async with bench.running(async_slots=7):
        await bench.submit_many("works", 50)
        await bench.ended(50)
    assert gauge.most == 7


@virtual
async def test_no_more_ends_wait_for_their_commit_than_there_are_slots() -> None:
    program = Program()
    free: list[bool] = []

    async def works() -> None: ...

    program.task(works)
    bench = Bench(program)
    worker = await bench.worker(async_slots=1)
    for _ in range(2):  # nobody commits yet: the first returns its slot, the second keeps it
        assert worker.reserve("works")
        await bench.submit("works")
        worker.begin(await (await bench.store()).work.claim("one", ["works"], 1, 15))
        for _ in range(20):
            await asyncio.sleep(0)
    assert (worker.running, worker.idle, worker.reserve("works")) == (0, False, False)
    run = asyncio.create_task(worker.run())
    await bench.ended(2)
    await asyncio.sleep(0.1)
    free.append(worker.reserve("works"))
    worker.unreserve("works")
    await worker.drain(1)
    await run
    assert free == [True]


@virtual
async def test_a_body_that_waits_for_another_frees_its_slot() -> None:
    program = Program()

    async def parent(depth: int) -> int:
        if depth == 0:
            return 0
        child = await bench.submit("parent", depth=depth - 1)
        async with slot_released():
            await bench.ended(1, child)
        return depth

    program.task(parent)
    bench = Bench(program)
    async with bench.running(async_slots=1) as worker:
        await bench.submit("parent", depth=20)
        await bench.ended(21)
        await asyncio.sleep(1)
        assert worker.idle
        assert worker.reserve("parent")
        assert not worker.reserve("parent")
    assert bench.statuses() == ["SUCCESS"] * 21


@virtual
async def test_a_body_goes_on_after_a_wait_only_with_a_slot_and_before_new_attempts() -> None:
    program, gauge = Program(), Gauge()
    event = asyncio.Event()
    order: list[str] = []

    async def waits() -> None:
        with gauge:
            pass
        async with slot_released():
            await event.wait()
        with gauge:
            await asyncio.sleep(1)
        order.append("waited")

    async def new() -> None:
        with gauge:
            await asyncio.sleep(1)
        order.append("new")

    program.task(waits)
    program.task(new)
    bench = Bench(program)
    async with bench.running(async_slots=2) as worker:
        await bench.submit_many("waits", 6)
        await bench.started(6)
        await bench.submit_many("new", 6)
        await asyncio.sleep(0.5)
        event.set()
        await bench.ended(12)
        await asyncio.sleep(1)
        assert worker.idle
        assert [worker.reserve("new") for _ in range(3)] == [True, True, False]
    assert gauge.most == 2
    assert order == ["new"] * 2 + ["waited"] * 6 + ["new"] * 4


@virtual
async def test_overlapping_waits_of_one_body_take_the_slot_back_after_the_last() -> None:
    program = Program()
    seen: list[bool] = []

    async def gathers() -> None:
        async def wait(seconds: float) -> None:
            async with slot_released():
                await asyncio.sleep(seconds)

        waits = asyncio.gather(wait(1), wait(2), wait(3))
        await asyncio.sleep(2.5)
        seen.append(worker.reserve("gathers"))
        worker.unreserve("gathers")
        await waits
        seen.append(worker.reserve("gathers"))

    program.task(gathers)
    bench = Bench(program)
    async with bench.running(async_slots=1) as worker:
        await bench.submit("gathers")
        await bench.ended()
        await asyncio.sleep(1)
        assert worker.reserve("gathers")
        assert not worker.reserve("gathers")
    assert seen == [True, False]


@virtual
async def test_a_body_that_is_cancelled_while_it_waits_for_its_turn_leaks_no_slot() -> None:
    program = Program()

    async def waits() -> None:
        async with slot_released():
            await asyncio.sleep(1)

    async def long() -> None:
        await asyncio.sleep(100)

    program.task(waits)
    program.task(long)
    bench = Bench(program)
    async with bench.running(async_slots=1) as worker:
        waiting = await bench.submit("waits")
        await bench.started(1)
        await bench.submit("long")
        await bench.started(2)
        await asyncio.sleep(5)
        await bench.cancel(waiting)
        worker.cancel_body(waiting)
        await bench.ended()
        await asyncio.sleep(1)
        assert worker.idle
        assert worker.reserve("long")
        assert not worker.reserve("long")


@virtual
async def test_outside_a_task_waiting_frees_nothing() -> None:
    async with slot_released():
        pass
    with slot_released_sync():
        pass


@virtual
async def test_past_a_bound_of_waiting_bodies_a_wait_keeps_its_slot() -> None:
    slots = Slots(1)
    loop = asyncio.get_running_loop()
    holds: list[Hold] = []
    for _ in range(slots_module.WAITING_PER_SLOT_MAX):
        assert slots.take(1) == 1
        holds.append(Hold(slots, loop))
        holds[-1].release()
    assert slots.take(1) == 1
    last = Hold(slots, loop)
    last.release()
    assert last.held
    assert slots.free == 0


@pytest.mark.parametrize("seed", range(20))
def test_slots_are_neither_lost_nor_doubled_whatever_bodies_do(seed: int) -> None:
    @virtual
    async def check() -> None:
        chance, slots = random.Random(seed), Slots(3)
        loop = asyncio.get_running_loop()
        most = 0

        async def body() -> None:
            nonlocal most
            await soon(lambda: slots.take(1) == 1)
            hold = Hold(slots, loop)
            held.append(hold)

            async def wait() -> None:
                hold.release()
                try:
                    await asyncio.sleep(chance.random())
                finally:
                    await hold.retake()

            try:
                for _ in range(chance.randrange(4)):
                    await asyncio.gather(*(wait() for _ in range(chance.randrange(1, 3))))
                    assert hold.held
                    most = max(most, sum(each.held for each in held))
                    await asyncio.sleep(chance.random())
            finally:
                hold.close()
                held.remove(hold)

        held: list[Hold] = []
        bodies = [asyncio.create_task(body()) for _ in range(40)]
        for each in chance.sample(bodies, 15):
            await asyncio.sleep(chance.random() / 4)
            each.cancel()
        await asyncio.wait(bodies)
        assert (slots.free, slots.waiting, held) == (3, 0, [])
        assert most <= 3

    check()
