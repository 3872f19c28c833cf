"""Bodies that fail, in every way a body can."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ensue.worker.ends import delay_micros
from ensue_core.errors import Retry
from ensue_core.facts import AttemptEnded, AttemptStarted
from ensue_core.ids import Id
from tests.worker.bench import Bench, Options, Program
from tests.worker.virtual import virtual


async def end_of(function: Callable[..., Any], **options: Any) -> AttemptEnded:
    """Run a function as a task once and return how its attempt ended; the worker must live on."""
    program = Program()

    async def fine() -> None: ...

    program.task(function, **options)
    program.task(fine)
    bench = Bench(program)
    async with bench.running():
        invocation = await bench.submit(function.__name__)
        (end,) = await bench.ended(1, invocation)
        after = await bench.submit("fine")
        assert [each.status for each in await bench.ended(1, after)] == ["SUCCESS"]
    return end


@virtual
async def test_a_failing_body_is_retried_after_a_recorded_delay_until_it_succeeds() -> None:
    program = Program()
    tries: list[int] = []

    async def flaky() -> str:
        tries.append(len(tries) + 1)
        if len(tries) < 4:
            raise ConnectionError("not yet")
        return "at last"

    program.task(flaky, max_retries=3, retry_for=(OSError,))
    bench = Bench(program)
    async with bench.running():
        invocation = await bench.submit("flaky")
        await bench.ended(4)
    assert bench.statuses() == ["RETRY", "RETRY", "RETRY", "SUCCESS"]
    assert [end.failures for end in bench.ends()] == [1, 2, 3, 3]
    ends, starts = bench.records(AttemptEnded), bench.records(AttemptStarted)
    for attempt, end in enumerate(bench.ends()[:3], start=1):
        delay = delay_micros(invocation, attempt, attempt, Options())
        assert end.due == ends[attempt - 1].time + delay
        assert 0 <= starts[attempt].time - end.due < 10_000


@virtual
async def test_retries_end_after_max_retries() -> None:
    program = Program()

    async def hopeless() -> None:
        raise ValueError("no")

    program.task(hopeless, max_retries=2, retry_for=(Exception,))
    bench = Bench(program)
    async with bench.running():
        await bench.submit("hopeless")
        await bench.ended(3)
        await asyncio.sleep(10_000)
    assert bench.statuses() == ["RETRY", "RETRY", "FAILED"]
    assert bench.space.work.rows == {}


@virtual
async def test_only_what_retry_for_names_is_retried_and_retry_always() -> None:
    async def other() -> None:
        raise KeyError("other")

    async def asks() -> None:
        raise Retry("again")

    assert (await end_of(other, max_retries=5, retry_for=(OSError,))).status == "FAILED"
    assert (await end_of(asks, max_retries=5, retry_for=())).status == "RETRY"
    assert (await end_of(asks)).status == "FAILED"


@virtual
async def test_a_result_that_cannot_be_stored_fails_without_retry() -> None:
    async def not_json() -> object:
        return object()

    async def nan() -> float:
        return float("nan")

    async def large() -> str:
        return "x" * (1024 * 1024)

    async def deep() -> list[Any]:
        nested: list[Any] = []
        for _ in range(5_000):
            nested = [nested]
        return nested

    for function in (not_json, nan, large, deep):
        end = await end_of(function, max_retries=5, retry_for=(Exception,))
        assert (end.status, bytes(end.result)) == ("FAILED", b"")
        assert end.failure is not None
        assert end.failure.type.endswith("BadValue")
        assert function.__name__ in end.failure.message


@virtual
async def test_arguments_that_do_not_fit_fail_without_retry_and_never_reach_the_body() -> None:
    ran: list[str] = []

    async def needs(word: str) -> None:
        ran.append(word)

    end = await end_of(needs, max_retries=5, retry_for=(Exception,))
    assert (end.status, ran) == ("FAILED", [])
    assert end.failure is not None
    assert "word" in end.failure.message


class Mute(Exception):
    """An exception that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Hostile(Exception):
    """An exception that strikes back when it is looked at."""

    def __getattribute__(self, name: str) -> object:
        raise KeyboardInterrupt


@virtual
async def test_an_exception_whose_text_raises_is_recorded() -> None:
    async def mute() -> None:
        raise Mute

    end = await end_of(mute)
    assert end.failure is not None
    assert end.failure.type.endswith(".Mute")
    assert "RuntimeError" in end.failure.message

    async def hostile() -> None:
        raise Hostile

    end = await end_of(hostile, max_retries=1, retry_for=(OSError,))
    assert end.failure is not None
    assert (end.status, end.failure.type.endswith(".Hostile")) == ("FAILED", True)


@pytest.mark.parametrize("kind", [asyncio.CancelledError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_what_no_body_should_raise_fails_its_attempt_and_the_worker_lives(kind: type[BaseException]) -> None:
    async def on_the_loop() -> None:
        raise kind

    def in_a_thread() -> None:
        raise kind

    @virtual
    async def check() -> None:
        for function in (on_the_loop, in_a_thread):
            end = await end_of(function, max_retries=3, retry_for=(BaseException,) if kind is not StopIteration else ())
            assert end.status == "FAILED"
            assert end.failure is not None

    check()


@virtual
async def test_a_body_that_cancels_itself_fails() -> None:
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    end = await end_of(cancels_itself)
    assert end.failure is not None
    assert (end.status, end.failure.type) == ("FAILED", "asyncio.exceptions.CancelledError")


@virtual
async def test_a_body_past_its_timeout_fails_with_a_timeout_error_that_can_be_retried() -> None:
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned.append("up")

    end = await end_of(slow, timeout_seconds=2.0)
    assert end.failure is not None
    assert (end.status, end.failure.type) == ("FAILED", "builtins.TimeoutError")
    assert "2 s" in end.failure.message
    assert "asyncio.sleep(3600)" in end.failure.traceback
    assert cleaned == ["up"]
    assert (await end_of(slow, timeout_seconds=2.0, max_retries=1, retry_for=(OSError,))).status == "RETRY"


@virtual
async def test_a_body_within_its_timeout_is_left_alone() -> None:
    async def quick() -> str:
        await asyncio.sleep(1)
        return "done"

    assert (await end_of(quick, timeout_seconds=2.0)).status == "SUCCESS"
    assert len(asyncio.all_tasks()) == 1, "its timer is gone with it"


@virtual
async def test_a_body_that_ignores_its_timeout_ends_without_coming_back_and_keeps_its_slot() -> None:
    program = Program()
    let_go = asyncio.Event()

    async def stubborn() -> str:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return "too late"

    program.task(stubborn, timeout_seconds=2.0)
    bench = Bench(program)
    async with bench.running(async_slots=1) as worker:
        invocation: Id = await bench.submit("stubborn")
        (end,) = await bench.ended()
        assert end.failure is not None
        assert end.failure.type == "builtins.TimeoutError"
        assert not worker.reserve("stubborn")
        let_go.set()
        await bench.submit("stubborn")
        await bench.ended(2)
    assert bench.statuses(invocation) == ["FAILED"]
    assert bench.statuses() == ["FAILED", "SUCCESS"]
