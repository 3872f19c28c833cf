"""From due work to a recorded end."""

import asyncio
from collections import Counter

import msgspec
import pytest

from ensue.current import Current, current
from ensue_core.errors import NotInTask
from ensue_core.facts import AttemptEnded, AttemptStarted, Participant, TriggerFired
from ensue_core.ids import new_id
from ensue_core.records import draft
from tests.worker.bench import Bench, FaultyLine, Program
from tests.worker.virtual import START, LoopClock, virtual


@virtual
async def test_an_async_and_a_sync_body_run_and_their_results_are_recorded() -> None:
    program = Program()

    async def add(a: int, b: int) -> int:
        return a + b

    def shout(word: str) -> str:
        return word.upper()

    program.task(add)
    program.task(shout)
    bench = Bench(program)
    async with bench.running():
        one = await bench.submit("add", a=1, b=2)
        two = await bench.submit("shout", word="hi")
        await bench.ended(2)
    assert [(end.status, bytes(end.result or b"")) for end in bench.ends(one)] == [("SUCCESS", b"3")]
    assert [(end.status, bytes(end.result or b"")) for end in bench.ends(two)] == [("SUCCESS", b'"HI"')]
    assert bench.space.work.rows == {}


@virtual
async def test_an_attempt_is_recorded_before_its_body_starts() -> None:
    program = Program()
    seen: list[int] = []

    async def look() -> None:
        seen.append(len(bench.starts(current().id)))

    program.task(look)
    bench = Bench(program)
    async with bench.running():
        await bench.submit("look")
        await bench.ended()
    assert seen == [1]
    (start,), (end,) = bench.records(AttemptStarted), bench.records(AttemptEnded)
    assert bench.ends()[0].created == bench.starts()[0].created == 1
    assert (end.cause, end.root) == (start.cause, start.root) == (bench.ends()[0].invocation, start.root)


@virtual
async def test_due_work_waits_for_its_time_and_for_nothing_else() -> None:
    program = Program()

    async def later() -> None: ...

    program.task(later)
    bench = Bench(program)
    async with bench.running():
        due = bench.clock.now() + 3_600_000_000
        await bench.submit("later", due=due)
        await bench.ended()
    (start,) = bench.records(AttemptStarted)
    assert 0 <= start.time - due < 1_000_000


@virtual
async def test_work_is_found_though_log_time_is_ahead_of_this_clock() -> None:
    program = Program()

    async def now() -> None: ...

    program.task(now)
    bench = Bench(program)
    ahead = Bench(program, LoopClock(START + 3_600_000_000))
    ahead.world, ahead.space = bench.world, bench.space
    async with bench.running():
        await ahead.submit("now")
        await bench.ended()
    assert bench.clock.now() < START + 60_000_000


@virtual
async def test_an_idle_worker_asks_for_work_only_when_the_log_has_grown() -> None:
    program = Program()

    async def nothing() -> None: ...

    program.task(nothing)
    bench = Bench(program)
    line = FaultyLine()
    async with bench.running(line=line) as worker:
        await bench.submit("nothing")
        await bench.ended()
        await asyncio.sleep(10)
        asked = len(line.asked)
        await asyncio.sleep(1000)
        assert worker.idle
    # A reaper must look, as no record says that a lease has run out.
    assert [each for each in line.asked[asked:] if each != "work.expired"] == []


@virtual
async def test_only_tasks_whose_code_is_here_are_claimed() -> None:
    program = Program()

    async def known() -> None: ...

    program.task(known)
    bench = Bench(program)
    async with bench.running() as worker:
        other = await bench.submit("elsewhere")
        await bench.submit("known")
        await bench.ended()
        assert not worker.reserve("elsewhere")
    assert bench.starts(other) == []


@virtual
async def test_a_body_sees_which_attempt_it_is_and_what_caused_it() -> None:
    program = Program()
    seen: list[Current] = []

    async def look() -> None:
        seen.append(current())

    program.task(look)
    bench = Bench(program)
    participant = Participant("c1", new_id(), "event", new_id(), 1)
    fired = TriggerFired(
        "main", "look:0", "v1", "look", new_id(), msgspec.Raw(b"{}"), participants=(participant,), depth=3
    )
    run = draft(new_id(), fired, root="begin")
    async with bench.running():
        direct = await bench.submit("look")
        await bench.ended()
        await (await bench.store()).log.append([run])
        await bench.ended(2)
    submitted, triggered = seen
    assert (submitted.id, submitted.attempt, submitted.task, submitted.run) == (direct, 1, "look", None)
    assert (triggered.id, triggered.run, triggered.trigger) == (fired.invocation, run.id, "look:0")
    assert (triggered.participants, triggered.cause) == ((participant,), fired.invocation)
    assert (triggered.root, triggered.depth, triggered.cancelled) == ("begin", 3, False)


def test_outside_a_task_current_says_where_it_works() -> None:
    with pytest.raises(NotInTask, match="inside a running task"):
        current()


@virtual
async def test_a_worker_begins_what_a_step_has_started_on_reserved_slots() -> None:
    program = Program()

    async def body() -> str:
        return "begun"

    program.task(body)
    bench = Bench(program)
    worker = await bench.worker(async_slots=1)
    invocation = await bench.submit("body")
    assert worker.reserve("body")
    assert not worker.reserve("body")
    worker.unreserve("body")
    assert worker.reserve("body")
    claimed = await (await bench.store()).work.claim("one", ["body"], 1, 15)
    worker.begin(claimed)
    assert (worker.running, worker.idle) == (1, False)
    run = asyncio.create_task(worker.run())
    await bench.ended(1, invocation)
    await worker.drain(1)
    await run
    assert (worker.running, worker.idle) == (0, True)


@virtual
async def test_two_thousand_small_attempts_end_once_each() -> None:
    program = Program()

    async def small() -> None: ...

    program.task(small)
    bench = Bench(program)
    async with bench.running():
        await bench.submit_many("small", 2_000)
        await bench.until(lambda: not bench.space.work.rows)
    assert Counter(bench.statuses()) == {"SUCCESS": 2_000}
    assert len({end.invocation for end in bench.ends()}) == 2_000
