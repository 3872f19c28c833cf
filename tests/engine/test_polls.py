"""Polls: who is asked when, what an answer begins, what is suppressed, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ensue import Defaults, Engine, Fire, PollContext, Skip, Status, Tasks, on_event, on_poll
from ensue.running import Role, Running
from ensue.testing import engine_for
from ensue_core.facts import ConditionFailed, PollAnswered, TriggerFired, TriggerPaused
from ensue_core.values import decode
from tests.engine.kits import BRISK, SQLiteKits, facts, records


class Target:
    """What the functions below look at."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[str] = []
        self.hangs = threading.Event()
        self.steady: Any = False


target = Target()


@pytest.fixture(autouse=True)
def fresh() -> Generator[None]:
    target.__init__()  # type: ignore[misc]
    yield
    target.hangs.set()


def next_answer() -> Any:
    target.asked.append("next")
    answer = target.answers.pop(0) if target.answers else False
    if isinstance(answer, BaseException):
        raise answer
    return answer


async def steady() -> Any:
    target.asked.append("steady")
    return target.steady


async def sleeps() -> bool:
    target.asked.append("sleeps")
    await asyncio.sleep(1_000)
    return True


def hangs() -> bool:
    target.asked.append("hangs")
    target.hangs.wait(20)
    return False


def quick() -> bool:
    target.asked.append("quick")
    return False


def shout(context: PollContext) -> dict[str, Any]:
    return {"n": context.payload["n"] * 10}


def program(function: Any = next_answer, seconds: float = 0, **options: Any) -> tuple[Tasks, Any]:
    tasks = Tasks()

    @tasks.task(name="react", triggers=on_poll(function, **options).with_args_from_poll("n"))
    async def react(n: int = 0) -> None:
        await asyncio.sleep(seconds)

    return tasks, react


async def test_a_poll_fires_for_each_answer_that_says_so() -> None:
    tasks, react = program(every="5s")
    target.answers = [Skip(), Fire({"n": 1}), False, Skip, Fire({"n": 2})]
    async with engine_for(tasks) as t:
        await t.advance("40s")
        assert t.ran(react) == [{"n": 1}, {"n": 2}]
        assert len(target.asked) == 8  # every 5 seconds, whatever it said
        answers = await facts(t, PollAnswered)
        assert [decode(each.payload) for each in answers] == [{"n": 1}, {"n": 2}]
        assert answers[1].slot - answers[0].slot == 15_000_000


async def test_true_fires_with_nothing_and_the_context_is_whole() -> None:
    tasks = Tasks()

    @tasks.task(triggers=on_poll(steady, every="1s"))
    async def plain() -> None: ...

    @tasks.task(triggers=on_poll(next_answer, every="1s").with_args_from_poll(shout))
    async def loud(n: int) -> None: ...

    target.steady, target.answers = True, [Fire({"n": 4})]
    async with engine_for(tasks) as t:
        await t.advance("1s")
        assert t.ran(plain) == [{}]
        assert t.ran(loud) == [{"n": 40}]


async def test_what_skips_leaves_no_trace() -> None:
    tasks, _ = program(every="100ms")
    async with engine_for(tasks) as t:
        before = len(await records(t))
        await t.advance("60s")
        assert len(target.asked) == 600
        assert len(await records(t)) == before


async def test_an_equal_payload_is_suppressed_while_its_reaction_is_unfinished() -> None:
    tasks, react = program(steady, seconds=7, every="2s")
    target.steady = Fire({"n": 1, "more": [1.0, {"b": 1, "a": 2}]})
    async with engine_for(tasks) as t:
        await t.advance("6s")
        assert len(t.ran(react)) == 1
        target.steady = Fire({"more": [1.0, {"a": 2, "b": 1}], "n": 1})  # equal, written otherwise
        await t.advance("1s")
        assert len(t.ran(react)) == 1
        target.steady = Fire({"n": 2})  # another one is none of its business
        await t.advance("2s")
        assert t.ran(react) == [{"n": 1}, {"n": 2}]
        target.steady = Fire({"n": 1, "more": [1.0, {"b": 1, "a": 2}]})
        await t.advance("4s")
        assert t.ran(react) == [{"n": 1}, {"n": 2}, {"n": 1}]  # the first one has ended
        assert len(target.asked) >= 6


async def test_suppression_outlives_a_restart() -> None:
    tasks, react = program(steady, seconds=60, every="1s")
    target.steady = Fire({"n": 1})
    async with engine_for(tasks, store="memory:suppressed") as t:
        await t.advance("5s")
        assert len(t.ran(react)) == 1
    async with engine_for(tasks, store="memory:suppressed", now="2026-01-01T00:00:05Z") as t:
        await t.advance("40s")
        assert len(await facts(t, PollAnswered)) == 1
        await t.advance("40s")  # released at the end of the first kit, it ran its 60 seconds anew
        assert len(await facts(t, PollAnswered)) == 2


async def test_concurrent_ones_are_not_suppressed() -> None:
    tasks, react = program(steady, seconds=60, every="1s", allow_concurrent=True)
    target.steady = Fire({"n": 1})
    async with engine_for(tasks) as t:
        await t.advance("5s")
        assert len(t.ran(react)) == 5


async def test_a_poll_that_raises_or_answers_nonsense_is_a_fact_and_polling_goes_on() -> None:
    tasks, react = program(every="1s")
    target.answers = [OSError("the share is away"), False, 42, SystemExit(3), Fire({"n": float("nan")}), Fire({"n": 5})]
    async with engine_for(tasks) as t:
        await t.advance("10s")
        assert t.problems() == [
            "react/0: raised: OSError: the share is away",
            "react/0: not an answer: returned int, not Fire(payload), Skip or a bool",
            "react/0: raised: SystemExit: 3 (time 2 in a row)",
            "react/0: not an answer: payload of poll react/0 holds nan: JSON has no NaN or infinity, use None or a "
            "string",
        ]
        assert t.ran(react) == [{"n": 5}]


async def test_a_row_of_failures_is_said_ever_less_often() -> None:
    tasks, _ = program(every="1s")
    target.answers = [OSError("away")] * 100
    async with engine_for(tasks) as t:
        await t.advance("100s")
        assert len(await facts(t, ConditionFailed)) == 7  # the 1st, 2nd, 4th, ... 64th
        assert t.problems()[-1].endswith("(time 64 in a row)")


async def test_a_poll_that_takes_too_long_is_given_up_and_asked_again() -> None:
    tasks, _ = program(sleeps, every="10s")
    async with engine_for(tasks, defaults=Defaults(lease_seconds=1e7, heartbeat_seconds=1e6)) as t:
        await t.advance("200s")
        assert 5 <= target.asked.count("sleeps") <= 7  # each takes its 30 seconds, and none overlaps itself
        assert t.problems()[0] == "react/0: timeout: ran longer than 30 s"


async def test_a_paused_poll_is_not_asked() -> None:
    tasks, _ = program(every="1s")
    async with engine_for(tasks) as t:
        await t.advance("3s")
        await t.engine.triggers.pause("react/0")
        await t.advance("10s")
        assert len(await facts(t, TriggerPaused)) == 1
        assert len(target.asked) == 3
        await t.engine.triggers.resume("react/0", start="now")
        await t.advance("3s")
        assert len(target.asked) == 6


async def test_an_answer_joins_by_its_payload() -> None:
    tasks = Tasks()
    both = on_poll(next_answer, every="1s").by("n") & on_event("go").by("n")

    @tasks.task(triggers=both.within("1h"))
    async def joined() -> None: ...

    target.answers = [Fire({"n": 1}), Fire({"n": 2})]
    async with engine_for(tasks) as t:
        await t.advance("3s")
        await t.emit("go", {"n": 2})
        await t.settle()
        (run,) = await facts(t, TriggerFired)
        assert [each.kind for each in run.participants] == ["poll", "event"]
        assert run.key == "2"


class _Liar:
    """Leases that everybody holds."""

    def __init__(self, leases: Any) -> None:
        self._leases = leases

    async def hold(self, name: str, *rest: Any) -> bool:
        await self._leases.hold(name, *rest)
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._leases, name)


async def test_of_two_that_believe_to_lead_one_answer_counts() -> None:
    tasks, react = program(steady, every="2s", allow_concurrent=True)
    target.steady = Fire({"n": 1})
    async with engine_for(tasks) as t:
        store: Any = t.engine.store
        store.leases = _Liar(store.leases)
        other = Running(t.engine, only=frozenset[Role]({"scheduler"}), gather_seconds=0)
        await other.start()
        await t.advance("20s")
        await other.stop(0)
        assert len(target.asked) >= 18
        slots = [each.slot for each in await facts(t, PollAnswered)]
        assert len(slots) in (9, 10)
        assert all(later - earlier >= 2_000_000 for earlier, later in pairwise(slots))
        assert len(t.ran(react)) == len(slots)


async def test_a_function_that_hangs_in_its_thread_delays_no_other(tmp_path: Path) -> None:
    tasks = Tasks()
    for name, function in (("a", hangs), ("b", quick)):
        tasks.task(name=name, triggers=on_poll(function, every="50ms"))(_nothing(name))
    engine = Engine(SQLiteKits(tmp_path).url, tasks=[tasks], defaults=_brief())
    async with engine.running():
        async with asyncio.timeout(20):
            while target.asked.count("quick") < 30:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        hung = target.asked.count("hangs")
        assert 2 <= hung <= 3  # no more threads than that are left behind
        target.hangs.set()
        async with asyncio.timeout(20):
            while target.asked.count("hangs") < hung + 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def _brief() -> Defaults:
    return Defaults(lease_seconds=BRISK.lease_seconds, heartbeat_seconds=0.5, poll_deadline_seconds=0.4)


def _nothing(name: str) -> Any:
    async def nothing() -> None: ...

    nothing.__name__ = name
    return nothing


async def test_many_polls_do_not_meet() -> None:
    tasks = Tasks()
    for number in range(100):
        tasks.task(name=f"t{number}", triggers=on_poll(quick, every="10s"))(_nothing(f"t{number}"))
    async with engine_for(tasks) as t:
        await t.advance("1s")
        assert 2 <= len(target.asked) <= 30  # a tenth of them, about
        await t.advance("9.1s")
        assert 100 <= len(target.asked) <= 103


async def test_an_answer_is_shown_where_its_run_is() -> None:
    tasks, react = program(every="1s")
    target.answers = [Fire({"n": 1})]
    async with engine_for(tasks) as t:
        await t.advance("2s")
        await t.settle()
        (run,) = (await t.engine.runs.list(task="react")).items
        shown = await t.engine.runs.get(run.id)
        assert [each.kind for each in shown.participants] == ["poll"]
        assert shown.participants[0].name.startswith("answer to slot 2026-01-01T00:00:0")
        (made,) = (await t.engine.invocations.list(task="react")).items
        assert made.status == Status.SUCCESS
        traced = await t.engine.trace(made.id)
        assert traced.root.kind == "poll"
        told = await t.engine.explain("react/0", event=shown.participants[0].source)
        assert told.verdict == "fired"
    del react
