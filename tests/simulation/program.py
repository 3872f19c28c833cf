"""The program that the simulated processes run: two versions of it, and a second service beside it.

Its triggers are the hard shapes: joins in every order and by every kind of key, one occurrence that satisfies
both sides, joins of one source, chains, functions that raise or change their mind, schedules of seconds. Its
bodies do what bodies do: sleep past their lease, raise, emit with their success, submit, and kill their process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, Protocol

from ensue import (
    Engine,
    EventContext,
    Fire,
    Handle,
    Skip,
    TaskRef,
    Tasks,
    current,
    gt,
    lt,
    on_any_result,
    on_cron,
    on_event,
    on_exception,
    on_poll,
    on_result,
    on_status,
    on_success,
)
from ensue.bound import running_in
from ensue.current import Current
from ensue.program import Program, assemble

Version = Literal["v1", "v2", "side"]
VERSIONS: tuple[Version, ...] = ("v1", "v2", "side")


class Wobble(Exception):
    """A failure that is worth another try."""


class Broken(ValueError):
    """A failure that is not."""


class Stage(Protocol):
    """The simulated world, as bodies and functions of the program see it."""

    seed: int
    calm: bool
    draw: random.Random

    def began(self, me: Current) -> None:
        """A body begins."""
        ...

    def said(self, me: Current, event: str) -> None:
        """A body has emitted an event that is to come with its success."""
        ...

    def returned(self, me: Current) -> None:
        """A body returns."""
        ...

    async def die(self) -> None:
        """Kill the process this is called in; does not return."""
        ...

    def die_at_once(self) -> None:
        """Kill the process this is called in, from code that cannot wait."""
        ...


_stage: list[Stage] = []


def stage() -> Stage:
    """Return the world on stage; one at a time."""
    return _stage[-1]


def enter(world: Stage) -> None:
    """Put a world on stage."""
    _stage[:] = [world]


def leave() -> None:
    """Take it off, and forget the engines that its processes opened."""
    _stage.clear()
    for version in VERSIONS:
        tasks = tasks_of(version)
        tasks.bindings._open.clear()  # pyright: ignore[reportPrivateUsage]


# What bodies do.


async def act(name: str, n: int, k: int) -> dict[str, Any]:
    """Run one attempt of an async task, as the seed, the invocation and the attempt say."""
    world, me = stage(), current()
    draw = random.Random(f"{world.seed} {me.id} {me.attempt}")
    world.began(me)
    await _take_time(draw, world.calm)
    emits(me, draw, name, n, k)
    if draw.random() < 0.06 and me.depth < 4 and name != "child":
        await _ask_for_more(draw, n)
    if draw.random() < 0.04 and not world.calm:
        await world.die()
    result = outcome(draw, me, n, k)
    world.returned(me)
    return result


def act_sync(name: str, n: int, k: int) -> dict[str, Any]:
    """Run one attempt of a sync task."""
    world, me = stage(), current()
    draw = random.Random(f"{world.seed} {me.id} {me.attempt}")
    world.began(me)
    emits(me, draw, name, n, k)
    if draw.random() < 0.05 and not world.calm:
        world.die_at_once()
    result = outcome(draw, me, n, k)
    world.returned(me)
    return result


async def _take_time(draw: random.Random, calm: bool) -> None:
    shape = draw.random()
    if calm and shape >= 0.1:
        return
    if shape < 0.15:
        await asyncio.sleep(draw.random())
    elif shape < 0.20:
        await asyncio.sleep(10 * draw.random())
    elif shape < 0.22:
        await asyncio.sleep(60 * draw.random())


def emits(me: Current, draw: random.Random, name: str, n: int, k: int) -> None:
    """Emit with the success: sometimes equal events, which are two all the same."""
    if name == "deep":
        stage().said(me, me.emit("deep", {"n": n, "k": k}))
    elif draw.random() < 0.15:
        for _ in range(draw.choice([1, 2, 3])):
            stage().said(me, me.emit("buffered", {"n": draw.choice([1, 2]), "k": k}))


async def _ask_for_more(draw: random.Random, n: int) -> None:
    """Submit another task and perhaps wait for it; emit at once, which may repeat when this is retried."""
    engine = running_in.get()
    assert isinstance(engine, Engine)
    if draw.random() < 0.5:
        await engine.emit("direct", {"n": n, "k": draw.choice([1, 2])})
        return
    handle: Handle[Any] = await engine.submit("child", n=n, k=1)
    if draw.random() < 0.5:
        await handle.result(timeout=30)


def outcome(draw: random.Random, me: Current, n: int, k: int) -> dict[str, Any]:
    """Return or raise."""
    shape = draw.random()
    if shape < 0.12:
        raise Wobble("not this time")
    if shape < 0.18:
        raise Broken("never")
    return {"n": n, "k": k, "by": f"{me.id} {me.attempt}"}


# What functions of triggers answer.


def is_even(payload: Mapping[str, Any]) -> bool:
    """Answer by the data alone."""
    return bool(payload["n"] % 2 == 0)


def raises_sometimes(payload: Mapping[str, Any]) -> bool:
    """Answer, or raise, by the data alone."""
    if payload["n"] % 3 == 0:
        raise KeyError("a filter that raises")
    return bool(payload["n"] % 3 == 1)


def changes_its_mind(payload: Mapping[str, Any]) -> bool:
    """Answer otherwise each time it is asked."""
    return stage().draw.random() < 0.5


async def looks() -> Fire | Skip:
    """Answer what the world says; slowly, or never, now and then."""
    world = stage()
    shape = 1.0 if world.calm else world.draw.random()
    if shape < 0.1:
        raise OSError("a poll that raises")
    if shape < 0.3:
        await asyncio.sleep(world.draw.choice([0.5, 3.0, 50.0]))
    return Fire({"n": world.draw.choice([1, 2]), "k": world.draw.choice([1, 2])}) if shape < 0.6 else Skip()


def glances() -> bool:
    """The same at once, with nothing to say."""
    return not stage().calm and stage().draw.random() < 0.3


def makes(context: EventContext[Any]) -> dict[str, Any]:
    """Make arguments, or raise, by the data alone."""
    if context.payload["n"] % 4 == 0:
        raise RuntimeError("a provider that raises")
    return {"n": context.payload["n"], "k": -1}


PLAIN_FUNCTIONS = (is_even, raises_sometimes)
"""Filters whose answers the oracle can foretell."""


# The tasks.


def add(
    tasks: Tasks, name: str, triggers: Any = (), *, sync: bool = False, retries: int = 0, timeout: str | None = None
) -> None:
    """Declare a task whose body acts."""

    async def run(n: int = 0, k: int = 0) -> dict[str, Any]:
        return await act(name, n, k)

    def run_sync(n: int = 0, k: int = 0) -> dict[str, Any]:
        return act_sync(name, n, k)

    options: dict[str, Any] = {"max_retries": retries, "retry_for": Wobble, "retry_first": "500ms"}
    if timeout is not None:
        options["timeout"] = timeout
    tasks.task(name=name, triggers=triggers, **options)(run_sync if sync else run)


@cache
def tasks_of(version: Version) -> Tasks:
    """Return the tasks of a version; the same ones each time."""
    tasks = Tasks()
    if version == "side":
        _side(tasks)
    else:
        _main(tasks, newer=version == "v2")
    return tasks


@cache
def program_of(version: Version) -> Program:
    """Return the assembled program of a version; processes start often, and it never changes."""
    return assemble([tasks_of(version)])


def _main(tasks: Tasks, *, newer: bool) -> None:
    """The main service. The newer version lacks some triggers, has new ones, and has changed others."""
    a, b, c = on_event("a"), on_event("b"), on_event("c")
    ping = on_event("a", {"k": lt(3)}) if newer else a
    add(tasks, "ping", ping.with_args_from_event("n", "k"), retries=2, timeout="40s")
    add(tasks, "child")
    add(tasks, "twice", [c.with_args_from_event("n"), c.with_args_from_event("n")])
    window = "6s" if newer else "10s"
    add(tasks, "pair", (a.by("k") & b.by("k")).within(window).with_args_from_event("n", "k").named("pair"), retries=1)
    add(tasks, "same", (on_event("f.*").by("k") & on_event("f.x").by("k")).within("5s").named("same"))
    add(tasks, "triple", (a.by("k") & b.by("k") & c.by("k")).within("20s").named("triple"))
    add(tasks, "nested", (a.by("k") & (b.by("k") | c.by("k"))).within("4s").named("nested"))
    add(tasks, "after", on_success("ping").with_args_from_status("n", "k"), sync=True, retries=1)
    add(tasks, "fits", on_result("ping", {"n": gt(3)}).with_args_from_result("n"))
    add(tasks, "failing", on_exception("ping", "Broken").with_args_from_status("n"), sync=True)
    add(tasks, "ended", on_any_result("pair"))
    add(tasks, "running", on_status("ping", ["RUNNING", "RETRY"], {"k": 1}))
    add(tasks, "watch", (on_status("ping", "RUNNING") & on_success("ping")).within("30s").named("watch"))
    add(tasks, "gave_up", (on_status("ping", "RETRY") & on_exception("ping")).within("30s").named("gave_up"))
    add(
        tasks, "mixed", (b.by("k") & on_success("ping").by("k")).within("15s").with_args_from_status("k").named("mixed")
    )
    add(tasks, "even", on_event("b", is_even).with_args_from_event("n"))
    add(tasks, "raising", on_event("c", raises_sometimes).named("raising"))
    add(tasks, "fickle", on_event("a", changes_its_mind).named("fickle"))
    fickle = on_event("a", changes_its_mind).by("k") & on_event("b", changes_its_mind).by("k")
    add(tasks, "fickle_pair", fickle.within("30s").named("pair"))
    add(tasks, "made", b.with_args_from_event(makes))
    add(tasks, "misfit", on_event("odd").with_args_from_event("n", "k"))
    add(tasks, "deep", on_event("deep").with_args_from_event("n", "k"), sync=True)
    add(tasks, "heard", on_event("buffered").with_args_from_event("n", "k"))
    add(tasks, "every", on_cron("*/7 * * * * *", catchup="all").named("all"))
    add(tasks, "latest", on_cron("*/5 * * * * *").named("latest"))
    ticking = on_cron("*/10 * * * * *").by(None) & c.by(None)
    add(tasks, "tick_join", ticking.within("8s").named("tick_join"))
    add(tasks, "polled", on_poll(looks, every="2s").with_args_from_poll("n", "k").named("polled"), retries=1)
    add(tasks, "glanced", on_poll(glances, every="5s", allow_concurrent=True).named("glanced"))
    poll_join = on_poll(looks, every="3s" if newer else "4s").by("k") & c.by("k")
    add(tasks, "poll_join", poll_join.within("10s").named("poll_join"))
    only_old: Sequence[Any] = () if newer else [b.with_args_from_event("n").named("old")]
    any_pair = (b.by(None) & c.by(None)).within("3s").named("any_pair")
    none = on_cron("*/4 * * * * *", catchup="none").named("none")
    add(tasks, "either", (c | (a.by("k") & b.by("k"))).within("10s").named("either") if not newer else only_old)
    add(tasks, "any_pair", any_pair if not newer else ())
    add(tasks, "none", none if not newer else ())
    add(tasks, "old", only_old)
    add(tasks, "new", [b.with_args_from_event("n").named("new")] if newer else ())
    early = (a.by("k") & c.by("k")).within("9s").starting("beginning").named("early")
    add(tasks, "early", early if newer else ())


def _side(tasks: Tasks) -> None:
    """Another service on the same log: it hears the first one's tasks, and the same events."""
    ping: TaskRef[Any] = TaskRef("ping")
    add(tasks, "side_after", on_success(ping).with_args_from_status("n", "k"))
    pair = (on_event("a").by("k") & on_event("b").by("k")).within("12s").with_args_from_event("n", "k")
    add(tasks, "side_pair", pair.named("pair"), retries=1)
    add(tasks, "side_tick", on_cron("*/6 * * * * *").named("tick"))
