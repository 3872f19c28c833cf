"""Checking: every call of every scenario, its arguments, its end, and that there was no other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from scenarios import SCENARIOS, WAIT_SECONDS, Calls, Fired, Scenario, call, ingested
from story import Story, call_of, story_of
from tasks import FeedUpdated, feed_updated
from worker import Worker

from ensue import Engine, TriggerView

COPIES = 3
"""How often each scenario is fired when all are fired at once."""

SLOTS_SEEN = 2
"""How many slots of each schedule are waited for."""


@dataclass(frozen=True)
class Schedule:
    """A schedule of the demo: its trigger, every how many seconds it fires, and what a slot must lead to."""

    trigger: str
    seconds: int
    expected: Calls


SCHEDULES = (
    Schedule("news.ingest_feed/on_schedule", 3, ingested("harbour-wire", 1)),
    Schedule("news.archive_old_content/on_schedule", 4, Calls([call("news.archive_old_content")])),
)


@dataclass
class Outcome:
    """What came of one scenario: its stories, how often it was fired, and what was not as expected."""

    stories: list[Story] = field(default_factory=list[Story])
    troubles: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    @property
    def delays(self) -> list[float]:
        """Every measured delay from cause to start, in milliseconds."""
        return [delay for story in self.stories for delay in story.delays]


class Check:
    """Fires the scenarios at an engine whose worker runs elsewhere, and keeps account of all that ran."""

    def __init__(self, engine: Engine, worker: Worker) -> None:
        self._engine, self._worker = engine, worker
        self._troubled: set[str] = set()
        self._done: set[str] = set()
        self._accounted: set[str] = set()
        self._begun = datetime.now(UTC)
        self._position = 0
        self._strangers = 0

    @property
    def well(self) -> int:
        """How many scenarios came out as expected, each time they were fired, with nothing besides."""
        return 0 if self._strangers else len(self._done - self._troubled)

    async def worker_is_ready(self) -> None:
        """Wait until the worker runs and has declared its triggers; raises `WorkerEnded` and `TimeoutError`."""
        newest = (await self._engine.invocations.list(limit=1)).items
        self._position = newest[0].position if newest else 0
        async with asyncio.timeout(3 * WAIT_SECONDS):
            while not (self._worker.is_ready() and await self.triggers()):
                self._worker.check()
                await asyncio.sleep(0.05)

    async def triggers(self) -> Sequence[TriggerView]:
        """Return what the worker has declared."""
        return await self._engine.triggers.list(state="active")

    # One scenario, and all of them at once.

    async def alone(self, scenario: Scenario) -> Outcome:
        """Fire one scenario and check it."""
        outcome = await self._slots() if scenario.fire is None else await self._fired(await scenario.fire(self._engine))
        self._judge(scenario, outcome)
        return outcome

    async def all_at_once(self) -> dict[Scenario, Outcome]:
        """Fire every scenario several times, all at the same moment, and check each."""
        firing = [(each, each.fire) for each in SCENARIOS if each.fire is not None for _ in range(COPIES)]
        fired = await asyncio.gather(*(fire(self._engine) for _, fire in firing))
        outcomes: dict[Scenario, Outcome] = {}
        for (scenario, _), each in zip(firing, fired, strict=True):
            outcome = await self._fired(each)
            self._judge(scenario, outcome)
            whole = outcomes.setdefault(scenario, Outcome())
            whole.stories += outcome.stories
            whole.troubles += outcome.troubles
        return outcomes

    def _judge(self, scenario: Scenario, outcome: Outcome) -> None:
        self._done.add(scenario.title)
        if outcome.troubles:
            self._troubled.add(scenario.title)

    async def _fired(self, fired: Fired) -> Outcome:
        self._worker.check()
        outcome = Outcome(troubles=list(fired.troubles))
        for id, expected in fired.expected.items():
            story = await story_of(self._engine, id)
            outcome.troubles += differences(expected, story.calls)
            outcome.stories.append(story)
            self._accounted.update(story.invocations)
        outcome.notes += noticed(outcome.stories)
        return outcome

    # Schedules.

    async def _slots(self) -> Outcome:
        """Wait for some slots of each schedule and show the latest; all are checked again at the end."""
        outcome = Outcome()
        for schedule in SCHEDULES:
            try:
                async with asyncio.timeout(SLOTS_SEEN * schedule.seconds + WAIT_SECONDS):
                    while len(slots := await self._slots_of(schedule)) < SLOTS_SEEN:
                        self._worker.check()
                        await asyncio.sleep(0.05)
            except TimeoutError:
                outcome.troubles.append(f"{schedule.trigger} has not fired for {SLOTS_SEEN} slots")
                continue
            story = await self._complete(slots[-1][1], schedule)
            outcome.troubles += differences(schedule.expected, story.calls) + irregular(schedule, slots)
            outcome.stories.append(story)
        return outcome

    async def _complete(self, root: str, schedule: Schedule) -> Story:
        """Return the story of a slot once all that must run has run, or the time is up."""
        story = await story_of(self._engine, root)
        for _ in range(WAIT_SECONDS * 20):
            if sum(story.calls.values()) >= sum(schedule.expected.values()) and all(
                each.status.final for each in story.invocations.values()
            ):
                break
            await asyncio.sleep(0.05)
            story = await story_of(self._engine, root)
        return story

    async def _slots_of(self, schedule: Schedule) -> list[tuple[datetime, str]]:
        """Return each slot that fired in this demo, oldest first: its time, and the id that its effects hang from."""
        found: list[tuple[datetime, str]] = []
        async for run in self._engine.runs.all(trigger=schedule.trigger):
            if run.position > self._position:
                slot = (await self._engine.runs.get(run.id)).participants[0]
                found.append((slot.time or run.time, slot.source))
        return sorted(found)

    # Everything else.

    async def other_feed(self, url: str) -> Outcome:
        """Read anyone's feed; nobody can say beforehand what must come of it."""
        event = await self._engine.emit(feed_updated, FeedUpdated(url, 10))
        await event.settled(timeout=90)
        story = await story_of(self._engine, event.id)
        self._accounted.update(story.invocations)
        return Outcome(
            [story], [each.error_message or "" for each in story.invocations.values() if failed(each.task, each.status)]
        )

    async def nothing_else(self, status: int) -> Outcome:
        """Check, with the worker stopped, every slot that fired and that no other call was ever made."""
        stopped = datetime.now(UTC)
        outcome = Outcome(troubles=[f"the worker ended with status {status}"] if status else [])
        slots = 0
        for schedule in SCHEDULES:
            fired = await self._slots_of(schedule)
            troubles = irregular(schedule, fired)
            slots += len(fired)
            for time, root in fired:
                story = await story_of(self._engine, root)
                # What the stop interrupted may be unfinished; it goes on when a worker comes back.
                whole = time < stopped - timedelta(seconds=1)
                troubles += differences(schedule.expected, story.calls, whole=whole)
                self._accounted.update(story.invocations)
            if troubles:
                self._troubled.update(each.title for each in SCENARIOS if each.fire is None)
                outcome.troubles += troubles
        strangers: list[str] = []
        total = 0
        async for each in self._engine.invocations.all():
            if each.position > self._position:
                total += 1
                if each.id not in self._accounted:
                    strangers.append(f"nobody asked for {call_of(await self._engine.invocations.get(each.id))}")
        strangers += [
            f"a run of {run.trigger} did not fire: {run.outcome}, {run.reason}"
            async for run in self._engine.runs.all()
            if run.position > self._position and run.outcome != "fired"
        ]
        self._strangers = len(strangers) + (status != 0)
        outcome.troubles += strangers
        outcome.notes.append(
            f"{total} calls in the log, {slots} of them begun by a schedule; each one is accounted for"
        )
        return outcome


def differences(expected: Calls, found: Calls, *, whole: bool = True) -> list[str]:
    """Return what is missing and what is too much, one line each; with `whole` false nothing can be missing."""
    missing = [f"missing: {times} x {each}" for each, times in (expected - found).items()]
    if not whole:
        known = {(each.task, each.arguments) for each in expected}
        return [f"not expected: {each}" for each in found if (each.task, each.arguments) not in known]
    return missing + [f"not expected: {times} x {each}" for each, times in (found - expected).items()]


def irregular(schedule: Schedule, slots: Sequence[tuple[datetime, str]]) -> list[str]:
    """Return which slots are off the schedule, missing, or there twice."""
    times = [time for time, _ in slots]
    off = [f"{schedule.trigger} fired off its schedule, at {time:%H:%M:%S.%f}" for time in times
           if time.microsecond or time.second % schedule.seconds]  # fmt: skip
    step = timedelta(seconds=schedule.seconds)
    return off + [
        f"{schedule.trigger}: after the slot {one:%H:%M:%S} comes {two:%H:%M:%S}"
        for one, two in pairwise(times)
        if two - one != step
    ]


def noticed(stories: Sequence[Story]) -> list[str]:
    """Return how long each way to learn of poll_target's end took, where that was the scenario."""
    found = {each.task.rpartition(".")[2]: each for story in stories for each in story.invocations.values()}
    target = found.get("poll_target")
    if target is None or target.ended is None:
        return []
    ways = {
        "reacting": ("reactive_tasks", "started"),
        "waiting": ("wait_result_tasks", "ended"),
        "polling": ("polling_tasks", "ended"),
    }
    parts: list[str] = []
    for way, (task, moment) in ways.items():
        at: datetime | None = getattr(found.get(task), moment, None)
        if at is not None:
            parts.append(f"{way} {(at - target.ended).total_seconds() * 1000:.1f} ms")
    return ["noticed the end of poll_target after: " + ", ".join(parts)]


def failed(task: str, status: str) -> bool:
    """Whether reading a feed did not work."""
    return task == "news.ingest_feed" and status != "SUCCESS"


def middle_and_worst(delays: Sequence[float]) -> str:
    """Say how long causes took to start their effects."""
    return f"median {median(delays):.1f} ms, worst {max(delays):.1f} ms" if delays else "nothing started"
