"""Looking for work: when something may be there, and not when the log only grew by what leaves nothing to claim."""

import asyncio

from ensue.testing.conformance.drafts import begun, cancellation, end, event, fired, invocation_of, submitted
from ensue_core.facts import EndStatus
from ensue_core.records import Draft, Record, place
from ensue_core.rows import WorkRow
from ensue_projections.work import leaves_open
from tests.worker.bench import Bench, FaultyLine, Program
from tests.worker.virtual import virtual


def records(*drafts: Draft) -> list[Record]:
    return [place(each, position, 1) for position, each in enumerate(drafts, 1)]


def test_what_is_begun_or_over_leaves_nothing_open() -> None:
    run, created = fired(), submitted()
    assert not leaves_open(records(event()))
    assert leaves_open(records(run))
    assert not leaves_open(records(event(), run, begun(run)))
    assert leaves_open(records(run, begun(run), created))
    assert not leaves_open(records(created, cancellation(created.id)))
    assert leaves_open(records(created, run, begun(run), cancellation(invocation_of(run))))
    row = WorkRow(invocation_of(run), "react", attempt=1, due=1, created=1)
    again: tuple[EndStatus, ...] = ("RETRY", "LOST", "RELEASED")
    over: tuple[EndStatus, ...] = ("SUCCESS", "FAILED")
    for status in (*again, *over):
        assert leaves_open(records(run, begun(run), end(row, status).end)) == (status in again)


@virtual
async def test_nobody_looks_for_work_when_an_event_comes_in() -> None:
    program = Program()

    @program.task
    async def nothing() -> None:
        pass

    bench, line = Bench(program), FaultyLine()
    async with bench.running(line=line):
        await asyncio.sleep(1)
        store = await bench.store()
        before = line.asked.count("work.next_due")
        for _ in range(5):
            await store.log.append([event()])
            await asyncio.sleep(1)
        assert line.asked.count("work.next_due") == before
        await bench.submit("nothing")
        await bench.ended()
        assert line.asked.count("work.next_due") > before
