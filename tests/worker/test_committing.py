"""Ends and a store that fails: none is lost, none is recorded twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from ensue_core.facts import AttemptEnded, EventEmitted
from ensue_core.ports import End, Work
from tests.worker.bench import Bench, Fault, FaultyLine, Program, kill
from tests.worker.virtual import virtual


def counting() -> tuple[Program, list[int]]:
    """A program whose one task counts how often it runs."""
    program = Program()
    ran: list[int] = []

    async def counts() -> int:
        ran.append(len(ran) + 1)
        return len(ran)

    program.task(counts)
    return program, ran


@virtual
async def test_a_store_that_is_down_while_ends_wait_loses_none() -> None:
    program = Program()
    ran: list[int] = []
    go = asyncio.Event()

    async def waits() -> None:
        ran.append(1)
        await go.wait()

    program.task(waits)
    bench = Bench(program)
    line = FaultyLine()
    async with bench.running(line=line, async_slots=10) as worker:
        for _ in range(50):
            await bench.submit("waits")
        await bench.started(10)
        line.down = True
        go.set()
        await asyncio.sleep(12)
        assert (worker.idle, worker.running) == (False, 0)
        assert bench.ends() == []
        line.down = False
        await bench.ended(50)
        await asyncio.sleep(5)
        assert worker.idle
    assert (Counter(bench.statuses()), len(ran)) == ({"SUCCESS": 50}, 50)


@pytest.mark.parametrize("fault", ["unavailable", "lost", "unanswered"])
def test_an_end_whose_commit_failed_or_is_unknown_is_recorded_once(fault: Fault) -> None:
    @virtual
    async def check() -> None:
        program, ran = counting()
        bench = Bench(program)
        line = FaultyLine()
        line.faults["work.finish"] = [fault, fault, fault]
        async with bench.running(line=line, async_slots=1) as worker:
            await bench.submit("counts")
            await bench.ended()
            await asyncio.sleep(10)
            assert worker.idle
            assert worker.reserve("counts")
        assert (bench.statuses(), ran) == (["SUCCESS"], [1])

    check()


@virtual
async def test_an_end_that_landed_unanswered_is_known_as_our_own(caplog: pytest.LogCaptureFixture) -> None:
    program, _ = counting()
    bench = Bench(program)
    line = FaultyLine()
    line.faults["work.finish"] = ["unanswered"]
    caplog.set_level("INFO")
    async with bench.running(line=line) as worker:
        await bench.submit("counts")
        await bench.ended()
        await asyncio.sleep(5)
        assert worker.idle
    assert "work.finish" in line.asked
    assert not [record for record in caplog.records if "too late" in record.getMessage()]


@pytest.mark.parametrize(
    "operation", ["work.claim", "work.next_due", "log.wait", "log.head", "work.expired", "work.renew"]
)
@pytest.mark.parametrize("fault", ["unavailable", "lost"])
def test_work_goes_on_after_any_operation_has_failed(operation: str, fault: Fault) -> None:
    @virtual
    async def check() -> None:
        program, ran = counting()
        bench = Bench(program)
        line = FaultyLine()
        async with bench.running(line=line):
            for _ in range(3):
                line.faults[operation] = [fault] * 4
                await bench.submit("counts")
                await asyncio.sleep(30)
        assert (bench.statuses(), len(ran)) == (["SUCCESS"] * 3, 3)

    check()


@virtual
async def test_a_claim_whose_answer_was_lost_is_retaken_after_its_lease() -> None:
    program, ran = counting()
    bench = Bench(program)
    line = FaultyLine()
    line.faults["work.claim"] = ["unanswered"]
    async with bench.running(line=line):
        await bench.submit("counts")
        await bench.ended(2)
    assert (bench.statuses(), ran) == (["LOST", "SUCCESS"], [1])


def picky(work: Work, refuses: Callable[[End], bool]) -> Work:
    """Make a work port refuse some ends with an error that is not the store's."""
    finish = work.finish

    async def picks(ends: Sequence[End]) -> list[bool]:
        if any(refuses(end) for end in ends):
            raise ValueError("this cannot be stored")
        return await finish(ends)

    vars(work)["finish"] = picks
    return work


def ended(end: End) -> AttemptEnded:
    fact = end.end.fact
    assert isinstance(fact, AttemptEnded)
    return fact


@virtual
async def test_an_end_the_store_cannot_take_is_recorded_as_a_failure_and_holds_up_no_other() -> None:
    program, _ = counting()
    bench = Bench(program)
    worker = await bench.worker(async_slots=10)
    store = await bench.store()
    store.work = picky(store.work, lambda end: bytes(ended(end).result or b"") == b"3")
    worker = type(worker)(
        store, program, clock=bench.clock, defaults=bench.defaults, name="one", binder=worker.binder,
        async_slots=10, offload=worker.offload,
    )  # fmt: skip
    for _ in range(10):
        await bench.submit("counts")
    run = asyncio.create_task(worker.run())
    await bench.ended(10)
    await asyncio.sleep(5)
    assert worker.idle
    await kill(run)
    assert Counter(bench.statuses()) == {"SUCCESS": 9, "FAILED": 1}
    (failed,) = [end for end in bench.ends() if end.status == "FAILED"]
    assert failed.failure is not None
    assert failed.failure.message == "this cannot be stored"


@virtual
async def test_ends_that_wait_when_the_worker_breaks_are_appended_when_it_runs_again() -> None:
    program, ran = counting()
    bench = Bench(program)
    line = FaultyLine()
    worker = await bench.worker(line=line)
    run = asyncio.create_task(worker.run())
    for _ in range(5):
        await bench.submit("counts")
    await bench.started(5)
    line.down = True
    await asyncio.sleep(3)
    await kill(run)
    line.down = False
    run = asyncio.create_task(worker.run())
    await bench.ended(5)
    await asyncio.sleep(5)
    assert worker.idle
    await worker.drain(1)
    await run
    assert (Counter(bench.statuses()), len(ran)) == ({"SUCCESS": 5}, 5)


@virtual
async def test_ends_are_committed_in_batches_of_what_waited() -> None:
    program, _ = counting()
    bench = Bench(program)
    line = FaultyLine()
    async with bench.running(line=line):
        await bench.submit_many("counts", 1_000)
        await bench.ended(1_000)
    asked = Counter(line.asked)
    assert asked["work.finish"] <= 25
    assert asked["work.claim"] <= 25
    assert bench.facts(EventEmitted) == []
