"""Leases: kept while the loop turns, lost with the process, and reaped by others."""

import asyncio

from msgspec.structs import replace

from ensue.worker.ends import QUARANTINED
from ensue_core.defaults import SECOND, Defaults
from ensue_core.facts import AttemptEnded, AttemptStarted
from ensue_core.ports import Claimed
from tests.worker.bench import Bench, FaultyLine, Program, kill
from tests.worker.virtual import virtual


def waits(until: asyncio.Event) -> Program:
    """A program whose one task waits."""
    program = Program()

    async def waiting() -> str:
        await until.wait()
        return "waited"

    program.task(waiting)
    return program


@virtual
async def test_a_long_body_keeps_its_lease() -> None:
    program = Program()

    async def long() -> str:
        await asyncio.sleep(3_600)
        return "done"

    program.task(long)
    bench = Bench(program)
    async with bench.running("first"), bench.running("second"):
        await bench.submit("long")
        await bench.ended()
    assert (bench.statuses(), len(bench.starts())) == (["SUCCESS"], 1)


@virtual
async def test_leases_of_many_bodies_of_all_ages_are_kept() -> None:
    program = Program()

    async def long(seconds: float) -> None:
        await asyncio.sleep(seconds)

    program.task(long)
    bench = Bench(program)
    async with bench.running("first", async_slots=50), bench.running("reaper", async_slots=0):
        for number in range(40):
            await bench.submit("long", seconds=20 + number * 3)
            await asyncio.sleep(0.4)
        await bench.ended(40)
    assert bench.statuses() == ["SUCCESS"] * 40


@virtual
async def test_a_dead_workers_attempt_is_lost_and_retaken_within_a_lease_and_two_seconds() -> None:
    until = asyncio.Event()
    bench = Bench(waits(until))
    first = await bench.worker("first")
    run = asyncio.create_task(first.run())
    await bench.submit("waiting")
    await bench.started(1)
    await asyncio.sleep(100)
    async with bench.running("second"):
        await kill(run)
        died = bench.clock.now()
        await bench.started(2)
        until.set()
        await bench.ended(2)
    lost, succeeded = bench.ends()
    assert (lost.status, lost.crashes, lost.failures, succeeded.status) == ("LOST", 1, 0, "SUCCESS")
    assert bench.records(AttemptStarted)[1].time - died <= 17 * SECOND
    assert [start.worker for start in bench.starts()] == ["first", "second"]


@virtual
async def test_an_end_that_comes_after_lost_is_refused() -> None:
    until = asyncio.Event()
    bench = Bench(waits(until))
    cut_off = FaultyLine()
    async with bench.running("cut off", cut_off, async_slots=1) as first:
        invocation = await bench.submit("waiting")
        await bench.started(1)
        await asyncio.sleep(2)
        cut_off.down = True
        async with bench.running("second"):
            await bench.started(2)
            until.set()
            await bench.ended(2)
            cut_off.down = False
            await asyncio.sleep(10)
            assert first.idle
            assert first.reserve("waiting")
    assert bench.statuses(invocation) == ["LOST", "SUCCESS"]
    assert [end.worker for end in bench.ends()] == ["second", "second"]


@virtual
async def test_a_body_whose_lease_was_lost_is_cancelled() -> None:
    until = asyncio.Event()
    program = waits(until)
    bench = Bench(program)
    cut_off = FaultyLine()
    async with bench.running("cut off", cut_off) as first:
        await bench.submit("waiting")
        await bench.started(1)
        cut_off.down = True
        async with bench.running("second"):
            await bench.started(2)
            assert first.running == 1
            cut_off.down = False
            await asyncio.sleep(5)
            assert first.running == 0
            until.set()
            await bench.ended(2)
    assert bench.statuses() == ["LOST", "SUCCESS"]


@virtual
async def test_an_invocation_that_kills_three_processes_is_quarantined() -> None:
    bench = Bench(waits(asyncio.Event()))
    invocation = await bench.submit("waiting")
    async with bench.running("reaper", async_slots=0):
        for number in range(1, 4):
            victim = await bench.worker(f"victim {number}")
            run = asyncio.create_task(victim.run())
            await bench.started(number)
            await kill(run)
            await bench.ended(number)
        await asyncio.sleep(100)
    assert bench.statuses(invocation) == ["LOST", "LOST", "FAILED"]
    assert [end.crashes for end in bench.ends()] == [1, 2, 3]
    failure = bench.ends()[-1].failure
    assert failure is not None
    assert failure.type == QUARANTINED
    assert bench.space.work.rows == {}


@virtual
async def test_crashes_and_failures_are_counted_apart() -> None:
    program = Program()
    tries: list[int] = []

    async def unlucky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        if len(tries) == 2:
            await asyncio.sleep(100_000)
        if len(tries) == 3:
            raise ConnectionError

    program.task(unlucky, max_retries=2, retry_for=(OSError,))
    bench = Bench(program)
    victim = await bench.worker("victim")
    run = asyncio.create_task(victim.run())
    await bench.submit("unlucky")
    await bench.started(2)
    await asyncio.sleep(1)
    await kill(run)
    async with bench.running("second"):
        await bench.ended(4)
    assert bench.statuses() == ["RETRY", "LOST", "RETRY", "SUCCESS"]
    assert [(end.failures, end.crashes) for end in bench.ends()] == [(1, 0), (1, 1), (2, 1), (2, 1)]


@virtual
async def test_a_loop_that_hung_past_its_lease_keeps_what_nobody_has_taken() -> None:
    """If it reaped its own attempts on waking up, the only worker would throw its work away."""
    until = asyncio.Event()
    bench = Bench(waits(until), defaults=Defaults(lease_seconds=15))
    async with bench.running():
        await bench.submit("waiting")
        await bench.started(1)
        (invocation,) = bench.space.work.rows
        bench.space.work.leases[invocation] = ("one", bench.clock.now() - 1)
        await asyncio.sleep(30)
        until.set()
        await bench.ended()
    assert bench.statuses() == ["SUCCESS"]


@virtual
async def test_an_attempt_that_replaces_a_lost_one_hides_no_older_ones_from_the_heartbeat() -> None:
    bench = Bench(waits(asyncio.Event()))
    worker = await bench.worker()
    await bench.submit_many("waiting", 2)
    first, second = await (await bench.store()).work.claim("one", ["waiting"], 2, 15)
    worker.begin([first, second])
    await asyncio.sleep(5)
    worker.begin([Claimed(replace(first.row, attempt=2), first.record)])
    held = worker._held(bench.clock.monotonic() - 1)  # pyright: ignore[reportPrivateUsage]
    assert held == [(second.row.invocation, 1)]
    for each in asyncio.all_tasks() - {asyncio.current_task()}:
        await kill(each)


@virtual
async def test_many_lost_attempts_are_reaped_in_batches() -> None:
    bench = Bench(waits(asyncio.Event()), defaults=Defaults(batch_records_max=10))
    victim = await bench.worker("victim", async_slots=35)
    run = asyncio.create_task(victim.run())
    await bench.submit_many("waiting", 35)
    await bench.started(35)
    await kill(run)
    async with bench.running("reaper", async_slots=0), bench.running("other reaper", async_slots=0):
        died = bench.clock.now()
        await bench.ended(35)
        assert bench.clock.now() - died <= 17 * SECOND
        await asyncio.sleep(30)
    assert bench.statuses() == ["LOST"] * 35
    assert len({record.id for record in bench.records(AttemptEnded)}) == 35
