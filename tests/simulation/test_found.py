"""What the simulation has found, each as small as it gets."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from ensue import Engine, Tasks, on_cron, on_event
from ensue.offload import Inline
from ensue.running import Running
from ensue.scheduler.asking import InlineAsker
from ensue.scheduler.cron import sort_missed
from ensue.scheduler.people import pause_trigger, resume_trigger
from ensue.scheduler.steps import commit_facts
from ensue_adapters.memory import DirectLine, Line, MemoryStore, MemoryWorld
from ensue_core.clock import from_datetime
from ensue_core.facts import CronTicked, ServiceDeclared, TriggerFired
from tests.simulation.loop import START, SimClock, SimLoop

SECOND = 1_000_000


@dataclass
class Town:
    """One namespace on a simulated loop, and the processes that live in it."""

    loop: SimLoop
    world: MemoryWorld = field(default_factory=MemoryWorld)

    def engine(self, tasks: Tasks, skew: float = 0.0, line: Line | None = None) -> Engine:
        """Return an engine that is not open yet."""
        clock = SimClock(self.loop, skew_seconds=skew)
        store = MemoryStore(self.world, "town", clock, line)
        return Engine("memory:", tasks=[tasks], app_id="town", clock=clock, store=store)

    async def live(self, stack: AsyncExitStack, tasks: Tasks, skew: float = 0.0, line: Line | None = None) -> Engine:
        """Run every role in a process until the stack is left."""
        engine = await stack.enter_async_context(self.engine(tasks, skew, line))
        running = Running(engine, asker=InlineAsker(), offload=Inline())
        await running.start()
        stack.push_async_callback(running.stop, 1)
        return engine

    def runs(self, trigger: str) -> int:
        """Count the firings of a trigger."""
        facts = [record.fact for record in self.world.space("town").records]
        return sum(isinstance(fact, TriggerFired) and fact.trigger == trigger for fact in facts)


def simulated(main: Callable[[Town], Coroutine[Any, Any, None]]) -> SimLoop:
    """Run a story on a loop of its own."""
    loop = SimLoop(1, shuffle=False, steps_max=100_000)
    loop.run(main(Town(loop)))
    return loop


def program(triggers: Any = ()) -> Tasks:
    """Return a program of one task, which is always there."""
    tasks = Tasks()

    async def react() -> None: ...

    tasks.task(name="react", triggers=triggers)(react)
    return tasks


def test_a_slot_joins_with_the_last_record_before_it() -> None:
    """A slot stands at the position of the last record heard, which may be the very one that waits for it."""

    async def main(town: Town) -> None:
        joined = (on_cron("*/10 * * * * *").by(None) & on_event("c").by(None)).within("8s").named("join")
        async with AsyncExitStack() as stack:
            engine = await town.live(stack, program(joined))
            await asyncio.sleep(3)
            await engine.emit("c")
            await asyncio.sleep(10)
            assert town.runs("react/join") == 1

    simulated(main)


def test_a_trigger_that_comes_back_is_asked_no_record_twice() -> None:
    """With a `start=` in the past it would otherwise make its old matches and runs again, and jam the chain."""

    async def main(town: Town) -> None:
        early = on_event("a").starting("beginning").named("early")
        for triggers, runs in [(early, 1), ((), 1), (early, 2), ((), 2), (early, 3)]:
            async with AsyncExitStack() as stack:
                engine = await town.live(stack, program(triggers))
                await asyncio.sleep(1)
                if triggers is early:
                    await engine.emit("a")
                    await asyncio.sleep(1)
                assert town.runs("react/early") == runs

    simulated(main)


def test_settled_knows_that_a_resumed_trigger_has_caught_up() -> None:
    """Whoever begins to follow late reads old facts again: they must not undo what the chain says now."""

    async def main(town: Town) -> None:
        async with AsyncExitStack() as stack:
            engine = await town.live(stack, program(on_event("a").named("a")))
            first = await engine.emit("a")
            await first.settled(timeout=5)
            store = engine.store
            await commit_facts(store, "main", lambda state, head, now: pause_trigger(state, "react/a", "test"))
            await engine.emit("a")
            await asyncio.sleep(1)
            await commit_facts(
                store, "main", lambda state, head, now: resume_trigger(state, head, now, "react/a", "catch up", "test")
            )
            await asyncio.sleep(1)
            assert town.runs("react/a") == 2
            await first.settled(timeout=5)

    simulated(main)


def test_of_missed_slots_the_latest_is_kept_however_the_log_is_cut() -> None:
    def kept(*until: int) -> tuple[list[int], int]:
        slots: list[int] = []
        due, dropped = 5 * SECOND, 0
        for each in until:
            missed = sort_missed("*/5 * * * * *", due, each * SECOND, 60 * SECOND, "latest", 3_600 * SECOND, 100)
            slots += [slot // SECOND for slot in missed.kept]
            due, dropped = missed.next, dropped + missed.dropped
        return slots, dropped

    assert kept(100) == ([55], 10)
    assert kept(7, 7, 22, 41, 58, 70) == ([55], 10)
    assert kept(54) == ([], 10)


def test_records_that_came_while_nobody_watched_bring_no_slots_with_them() -> None:
    async def main(town: Town) -> None:
        tasks = program([on_cron("*/5 * * * * *").named("cron"), on_event("a").named("a")])
        async with AsyncExitStack() as stack:
            await town.live(stack, tasks)
            await asyncio.sleep(1)
        async with town.engine(tasks) as engine:
            for _ in range(10):
                await asyncio.sleep(7.1)
                await engine.emit("a")
        async with AsyncExitStack() as stack:
            await town.live(stack, tasks)
            await asyncio.sleep(1)
        begun = from_datetime(START)
        ticks = [each.fact for each in town.world.space("town").records if isinstance(each.fact, CronTicked)]
        assert [(tick.slot - begun) // SECOND for tick in ticks] == [70]

    simulated(main)


def test_a_scheduler_whose_clock_is_behind_the_chains_does_not_spin() -> None:
    async def main(town: Town) -> None:
        tasks = program(on_cron("*/5 * * * * *").named("cron"))
        async with AsyncExitStack() as stack:
            await town.live(stack, tasks)
            await asyncio.sleep(6)
        async with AsyncExitStack() as stack:
            await town.live(stack, tasks, skew=-4)
            await asyncio.sleep(20)
        assert town.runs("react/cron") >= 3

    assert simulated(main).steps < 5_000


class Blind(DirectLine):
    """Shows nobody's lease, as where clocks are far apart."""

    async def carry(self, operation: str, act: Callable[[], Any]) -> Any:
        """Hide who holds what."""
        answer = await super().carry(operation, act)
        return [] if operation == "leases.holders" else answer


def test_two_versions_that_do_not_see_each_other_take_over_once_a_lease_at_most() -> None:
    """Each had watched the other for a whole lease, once, and then took over again and again without a pause."""

    async def main(town: Town) -> None:
        older, newer = program(on_event("a").named("old")), program(on_event("a").named("new"))
        async with AsyncExitStack() as stack:
            await town.live(stack, older, line=Blind())
            engine = await town.live(stack, newer, line=Blind())
            for _ in range(20):
                await asyncio.sleep(6)
                await engine.emit("a")
            await asyncio.sleep(40)
            facts = [record.fact for record in town.world.space("town").records]
            takeovers = sum(isinstance(fact, ServiceDeclared) and fact.takeover for fact in facts)
            assert 2 <= takeovers <= 160 / 15 + 1
            assert town.runs("react/old") + town.runs("react/new") >= 20

    simulated(main)
