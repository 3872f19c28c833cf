"""The simulated loop: virtual time, one run for one seed, crashes that run nothing, pauses, no way out."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.simulation.loop import PROCESS, Deadlock, SimClock, SimLoop, SimulationError, ThreadRefused, TooManySteps

ROOT = Path(__file__).parents[2]


async def babble(said: list[str]) -> None:
    """Do what schedules differently from seed to seed: tasks, queues, locks, timeouts, sets of futures, anyio."""
    queue: asyncio.Queue[int] = asyncio.Queue(2)
    lock = asyncio.Lock()

    async def produce(name: int) -> None:
        for number in range(5):
            await asyncio.sleep(0.001 * (name % 3))
            await queue.put(10 * name + number)

    async def consume(name: int) -> None:
        for _ in range(5):
            item = await queue.get()
            async with lock:
                await asyncio.sleep(0)
                said.append(f"{name} got {item}")

    async def sleeps(seconds: float) -> float:
        await anyio.sleep(seconds)
        return seconds

    async with asyncio.TaskGroup() as group:
        for name in range(4):
            group.create_task(produce(name))
            group.create_task(consume(name))
    done, _ = await asyncio.wait([asyncio.ensure_future(sleeps(0.5)) for _ in range(9)])
    said.append(" ".join(task.get_name() for task in done))
    with anyio.move_on_after(3):
        async with anyio.create_task_group() as scopes:
            for each in range(5):
                scopes.start_soon(nested, each, said)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.25):
            await asyncio.Event().wait()


async def nested(name: int, said: list[str]) -> None:
    """Wait in a scope of one's own, to be cancelled from outside."""
    try:
        with anyio.fail_after(60):
            await anyio.sleep_forever()
    finally:
        said.append(f"{name} cancelled")


def run(main: Callable[[], Coroutine[Any, Any, Any]], seed: int = 0, **options: Any) -> SimLoop:
    """Run to the end and return the loop, closed."""
    loop = SimLoop(seed, **options)
    loop.run(main())
    return loop


def digest_of(seed: int) -> tuple[str, list[str]]:
    """Return what a seed makes of the babble."""
    said: list[str] = []
    loop = run(lambda: babble(said), seed)
    return loop.digest, said


def test_one_seed_is_one_run_and_another_is_another() -> None:
    assert digest_of(7) == digest_of(7)
    assert len({digest_of(seed)[0] for seed in range(5)}) == 5
    assert len({tuple(digest_of(seed)[1]) for seed in range(5)}) == 5


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_the_hash_seed_and_the_process_change_nothing(hash_seed: str) -> None:
    code = "from tests.simulation.test_loop import digest_of; print(digest_of(7)[0])"
    paths = os.pathsep.join(str(ROOT / each) for each in ("engine", "projections", "adapters", "."))
    env = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == digest_of(7)[0]


def test_a_year_passes_in_no_time_and_exactly() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        clock = SimClock(loop, skew_seconds=2.5)
        before = clock.now()
        await clock.sleep(365 * 86_400 + 0.000_001)
        assert clock.now() - before == 365 * 86_400_000_000 + 1
        clock.step(-5)
        assert clock.now() - before == 365 * 86_400_000_000 + 1 - 5_000_000

    run(main)


def test_a_timer_is_never_early_for_who_looks_at_the_clock_again() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for part in range(1, 2_000):
            when = loop.time() + part / 7_000_003
            woken = loop.create_future()
            loop.call_at(when, woken.set_result, None)
            await woken
            assert loop.time() >= when

    run(main)


def test_a_crash_runs_no_finally_and_no_later_step_whatever_the_process_waits_for() -> None:
    ran: list[str] = []

    async def victim() -> None:
        try:
            async with asyncio.TaskGroup() as group, asyncio.timeout(50):
                group.create_task(child())
                while True:
                    await asyncio.sleep(0.1)
                    ran.append("turn")
        finally:
            ran.append("finally")

    async def child() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ran.append("finally of the child")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        task = loop.spawn("one", victim())
        _ = loop.spawn("other", victim())
        await asyncio.sleep(0.35)
        loop.crash("one")
        turns = len(ran)
        task.cancel()
        await asyncio.sleep(1)
        assert loop.is_dead("one")
        assert not loop.is_dead("other")
        assert set(ran) == {"turn"}
        assert 9 <= len(ran) - turns <= 11
        assert [line.partition(":")[0] for line in loop.pending("one")] == []
        with pytest.raises(SimulationError, match="dead"):
            _ = loop.spawn("one", victim())
        ran.append("end")

    run(main)
    assert ran[ran.index("end") - 1] == "turn"


def test_a_process_can_kill_itself_in_the_middle() -> None:
    ran: list[str] = []

    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        try:
            await loop.die()
        finally:
            ran.append(PROCESS.get())

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        _ = loop.spawn("one", body())
        await asyncio.sleep(10)
        return [*ran]

    assert SimLoop().run(main()) == []


def test_a_future_of_a_dead_process_is_dropped_quietly() -> None:
    async def waits(future: asyncio.Future[None]) -> None:
        await future

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        shared = loop.create_future()
        _ = loop.spawn("one", waits(shared))
        survivor = loop.spawn("two", waits(shared))
        await asyncio.sleep(1)
        loop.crash("one")
        shared.set_result(None)
        await survivor
        return loop.unhandled

    assert SimLoop().run(main()) == []


def test_a_paused_process_goes_on_late_with_all_it_has_missed() -> None:
    async def ticks(times: list[float]) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(10):
            await asyncio.sleep(1)
            times.append(loop.time())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        paused: list[float] = []
        free: list[float] = []
        _ = loop.spawn("one", ticks(paused))
        _ = loop.spawn("two", ticks(free))
        await asyncio.sleep(2.5)
        loop.pause("one", 60)
        assert loop.is_paused("one")
        await asyncio.sleep(100)
        assert free == [float(second) for second in range(1, 11)]
        assert paused == [1, 2, *(62.5 + second for second in range(8))]

    run(main)


def test_a_deadlock_is_an_error_that_says_who_waits_where() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        await loop.spawn("one", stuck(), name="the stuck one")

    with pytest.raises(Deadlock, match=r"one: the stuck one at locks\.py:\d+ in Event\.wait"):
        run(main)


def test_what_spins_is_stopped() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110  # spinning is the point
            await asyncio.sleep(0)

    with pytest.raises(TooManySteps):
        run(main, steps_max=1_000)


def test_threads_are_refused_in_every_way() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(ThreadRefused):
            await loop.run_in_executor(None, print)
        with pytest.raises(ThreadRefused):
            await asyncio.to_thread(print)
        with pytest.raises(ThreadRefused):
            await anyio.to_thread.run_sync(print)
        with pytest.raises(ThreadRefused):
            threading.Thread(target=print).start()

    run(main)
    thread = threading.Thread(target=len, args=("",))
    thread.start()
    thread.join()


def test_what_a_task_raises_unseen_is_kept() -> None:
    async def raises() -> None:
        raise ValueError("nobody looks")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        loop.call_soon(lambda: 1 / 0)
        task = loop.spawn("one", raises())
        await asyncio.sleep(1)
        assert [type(error) for _, _, error in loop.unhandled] == [ZeroDivisionError]
        assert isinstance(task.exception(), ValueError)

    run(main)


def test_without_shuffling_callbacks_run_in_the_order_they_were_queued() -> None:
    ran: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(50):
            loop.call_soon(ran.append, number)
        await asyncio.sleep(0)
        await asyncio.sleep(1)

    run(main, shuffle=False)
    assert ran == [*range(50)]
