"""From due work to a recorded end."""

from ensue.current import current
from ensue_core.facts import AttemptEnded, AttemptStarted
from tests.worker.bench import Bench, Program
from tests.worker.virtual import virtual


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
    start, end = bench.records(AttemptStarted, AttemptEnded)
    assert (end.fact.created, end.cause, end.root) == (start.fact.created, start.fact.invocation, start.root)
