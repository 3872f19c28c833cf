"""Bodies that are asked to stop: cancelled, drained, killed."""

import asyncio

from ensue.current import Current, current
from ensue_core.defaults import Defaults
from ensue_core.facts import AttemptEnded, AttemptStarted, EventEmitted
from tests.worker.bench import Bench, FaultyLine, Program, kill, soon
from tests.worker.virtual import virtual


def sleeper(seconds: float, stopped: list[str]) -> Program:
    """A program whose one task sleeps and says when it is cancelled."""
    program = Program()

    async def sleeps() -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            stopped.append("cancelled")
            raise
        return "slept"

    program.task(sleeps, max_retries=3, retry_for=(BaseException,))
    return program


@virtual
async def test_a_cancelled_body_stops_at_once_and_its_end_is_not_appended() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(100, stopped))
    line = FaultyLine()
    async with bench.running(line=line, async_slots=1) as worker:
        invocation = await bench.submit("sleeps")
        await bench.started(1)
        await asyncio.sleep(1)
        assert await bench.cancel(invocation)
        assert worker.cancel_body(invocation)
        await asyncio.sleep(0.1)
        assert (stopped, worker.idle, worker.reserve("sleeps")) == (["cancelled"], True, True)
        assert not worker.cancel_body(invocation)
        worker.unreserve("sleeps")
        await asyncio.sleep(100)
    assert (bench.ends(), "work.finish" in line.asked) == ([], False)


@virtual
async def test_a_body_cancelled_elsewhere_is_stopped_by_the_heartbeat() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(100, stopped))
    async with bench.running() as worker:
        invocation = await bench.submit("sleeps")
        await bench.started(1)
        await asyncio.sleep(5)
        assert await bench.cancel(invocation)
        await asyncio.sleep(1.1)
        assert (stopped, worker.idle) == (["cancelled"], True)
        await asyncio.sleep(100)
    assert bench.ends() == []


@virtual
async def test_a_body_cancelled_before_its_first_step_never_runs() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(100, stopped))
    worker = await bench.worker(async_slots=1)
    invocation = await bench.submit("sleeps")
    assert worker.reserve("sleeps")
    worker.begin(await (await bench.store()).work.claim("one", ["sleeps"], 1, 15))
    assert worker.cancel_body(invocation)
    await asyncio.sleep(0)
    assert (worker.idle, worker.reserve("sleeps"), stopped) == (True, True, [])


@virtual
async def test_a_body_that_answers_its_cancellation_with_a_result_is_not_heard() -> None:
    program = Program()

    async def defies() -> str:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            current().emit("never", {})
        return "anyway"

    program.task(defies)
    bench = Bench(program)
    async with bench.running() as worker:
        invocation = await bench.submit("defies")
        await bench.started(1)
        await asyncio.sleep(1)
        await bench.cancel(invocation)
        worker.cancel_body(invocation)
        await asyncio.sleep(100)
        assert worker.idle
    assert (bench.ends(), bench.facts(EventEmitted)) == ([], [])


@virtual
async def test_draining_lets_bodies_end_within_the_grace_and_claims_no_more() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(10, stopped))
    worker = await bench.worker()
    run = asyncio.create_task(worker.run())
    invocation = await bench.submit("sleeps")
    await bench.started(1)
    drain = asyncio.create_task(worker.drain(30))
    await asyncio.sleep(1)
    late = await bench.submit("sleeps")
    assert not worker.reserve("sleeps")
    began = bench.clock.monotonic()
    await drain
    await run
    assert 8 < bench.clock.monotonic() - began < 10
    assert (bench.statuses(invocation), bench.starts(late), stopped) == (["SUCCESS"], [], [])


@virtual
async def test_a_drained_worker_releases_what_runs_and_another_one_retakes_it_at_once() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(100, stopped))
    first = await bench.worker("first")
    run = asyncio.create_task(first.run())
    invocation = await bench.submit("sleeps")
    await bench.started(1)
    async with bench.running("second"):
        await first.drain(3)
        await run
        await bench.ended(2)
    assert bench.statuses() == ["RELEASED", "SUCCESS"]
    released, succeeded = bench.ends(invocation)
    assert (released.failures, released.crashes, succeeded.failures, succeeded.crashes) == (0, 0, 0, 0)
    assert [start.worker for start in bench.starts()] == ["first", "second"]
    at, retaken = bench.records(AttemptEnded)[0].time, bench.records(AttemptStarted)[1].time
    assert retaken - at < 200_000
    assert stopped == ["cancelled"]


@virtual
async def test_a_body_that_finishes_while_it_is_released_succeeds() -> None:
    program = Program()

    async def finishes() -> str:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return "in time"
        return "slept"

    program.task(finishes)
    bench = Bench(program)
    worker = await bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.submit("finishes")
    await bench.started(1)
    await worker.drain(0)
    await run
    assert bench.statuses() == ["SUCCESS"]


@virtual
async def test_a_body_that_fails_while_it_is_released_is_released() -> None:
    program = Program()

    async def breaks() -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise ValueError("in the middle of it") from None

    program.task(breaks)
    bench = Bench(program)
    worker = await bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.submit("breaks")
    await bench.started(1)
    await worker.drain(0)
    await run
    assert bench.statuses() == ["RELEASED"]


@virtual
async def test_a_body_that_does_not_stop_is_released_without_coming_back() -> None:
    program = Program()
    seen: list[Current] = []

    async def stubborn() -> None:
        seen.append(current())
        for _ in range(3):
            try:
                await asyncio.sleep(1_000)
            except asyncio.CancelledError:
                continue

    program.task(stubborn)
    bench = Bench(program)
    worker = await bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.submit("stubborn")
    await bench.started(1)
    began = bench.clock.monotonic()
    await worker.drain(2)
    assert bench.clock.monotonic() - began < 5
    await run
    assert (bench.statuses(), seen[0].cancelled) == (["RELEASED"], True)


@virtual
async def test_a_second_drain_hurries_the_first() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(1_000, stopped))
    worker = await bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.submit("sleeps")
    await bench.started(1)
    first = asyncio.create_task(worker.drain(500))
    await asyncio.sleep(1)
    began = bench.clock.monotonic()
    await worker.drain(0)
    await first
    await run
    assert bench.clock.monotonic() - began < 3
    assert bench.statuses() == ["RELEASED"]


@virtual
async def test_what_is_begun_while_draining_is_released_and_does_not_run() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(0, stopped))
    draining = await bench.worker("draining", async_slots=2)
    run = asyncio.create_task(draining.run())
    assert draining.reserve("sleeps")
    assert draining.reserve("sleeps")
    first, second = await bench.submit("sleeps"), await bench.submit("sleeps")
    one, two = await (await bench.store()).work.claim("draining", ["sleeps"], 2, 15)
    draining.begin([one])
    drain = asyncio.create_task(draining.drain(10))
    await asyncio.sleep(0)
    draining.begin([two])
    await drain
    await run
    assert (bench.statuses(first), bench.statuses(second)) == (["SUCCESS"], ["RELEASED"])


@virtual
async def test_what_a_claim_under_way_brings_while_draining_is_released() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(0, stopped))
    for _ in range(3):
        await bench.submit("sleeps")
    line = FaultyLine()
    worker = await bench.worker(line=line)
    run = asyncio.create_task(worker.run())
    await soon(lambda: "work.claim" in line.asked)
    await worker.drain(10)
    await run
    assert (bench.statuses(), len(bench.starts())) == (["RELEASED"] * 3, 3)


@virtual
async def test_a_drain_that_cannot_reach_the_store_gives_up_after_a_lease() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(100, stopped), defaults=Defaults(lease_seconds=15))
    line = FaultyLine()
    worker = await bench.worker(line=line)
    run = asyncio.create_task(worker.run())
    await bench.submit("sleeps")
    await bench.started(1)
    line.down = True
    began = bench.clock.monotonic()
    await worker.drain(2)
    await run
    assert 15 < bench.clock.monotonic() - began < 20
    assert bench.ends() == []


@virtual
async def test_a_killed_worker_takes_its_bodies_with_it() -> None:
    stopped: list[str] = []
    bench = Bench(sleeper(100, stopped))
    worker = await bench.worker()
    run = asyncio.create_task(worker.run())
    await bench.submit("sleeps")
    await bench.started(1)
    await asyncio.sleep(1)
    await kill(run)
    assert (stopped, bench.ends(), worker.running) == (["cancelled"], [], 0)
