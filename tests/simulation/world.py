"""A whole deployment in one loop: schedulers, workers, projectors and clients as processes that can die.

`World(seed).run()` draws everything from the seed: how many processes with which roles and versions, the
engine's numbers, the faults and how often. First come faults and work together (safety), then neither, and
everything must come to rest in bounded virtual time (liveness). What it saw goes to the checker.
"""

# Other processes change what a check has just seen: code after an await is no dead code.
# mypy: no-warn-unreachable
from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import msgspec

import ensue.running
import ensue_core.ids
from ensue import Engine, Handle
from ensue.current import Current
from ensue.handles import Emitted
from ensue.offload import Inline
from ensue.running import Role, Running
from ensue.scheduler.asking import InlineAsker
from ensue.scheduler.people import ResumeFrom, fire, pause_service, pause_trigger, resume_service, resume_trigger
from ensue.scheduler.state import ChainState
from ensue.scheduler.steps import Build, commit_facts
from ensue_adapters.memory import MemoryStore, MemoryWorld
from ensue_core.clock import from_datetime
from ensue_core.defaults import Defaults
from ensue_core.errors import EnsueError, IdempotencyConflict, StoreError, WaitTimeout
from ensue_core.facts import AttemptStarted, EventEmitted, Fact
from ensue_core.ids import derive_from
from ensue_core.ports import Store
from ensue_core.records import Draft, draft
from ensue_projections.queries import PROJECTION
from tests.simulation import program
from tests.simulation.checker import Evidence, check
from tests.simulation.faults import FaultyLine, Rates, Trouble
from tests.simulation.kafka import Kafka
from tests.simulation.loop import PROCESS, START, SimClock, SimLoop, SimulationError
from tests.simulation.oracle import happened, listens
from tests.simulation.program import Version
from tests.simulation.sql import Flaw, Orders, Server, SqlLine

NAMESPACE = "sim"
START_MICROS = from_datetime(START)
RECORDS_MAX = 60_000
"""How long a log may grow; most end below a tenth of it."""


class Scenario(msgspec.Struct):
    """What is drawn for a seed before anything runs."""

    seconds: float
    defaults: Defaults
    rates: Rates
    skew_seconds: float
    shuffle: bool
    step_micros: int
    crash_steps: int
    """How many steps lie between crashes at a random await, about; 0 for none."""
    crashes_max: int
    """How many crashes by chance there are at most: a run in which nothing lives long shows little."""
    chaos_seconds: float
    """How much time lies between what is done to processes from outside, about."""
    restart_seconds: float
    clients: int
    gap_seconds: float
    side: bool
    slots: tuple[tuple[str, ...], ...]
    """The roles of each process of the main service."""
    gather_seconds: float


def scenario(seed: int) -> Scenario:
    """Draw a scenario."""
    draw = random.Random(f"scenario {seed}")
    lease = draw.choice([2.0, 6.0, 15.0])
    defaults = Defaults(
        app_id=NAMESPACE,
        waiting_per_key_max=draw.choice([2, 4, 1_000]),
        waiting_per_trigger_max=draw.choice([6, 20, 100_000]),
        lease_seconds=lease,
        heartbeat_seconds=lease / 3,
        catchup_window_seconds=draw.choice([30.0, 86_400.0]),
        catchup_slots_max=draw.choice([3, 100]),
        cause_depth_max=draw.choice([3, 6]),
        async_slots=draw.choice([1, 4, 100]),
        thread_slots=draw.choice([1, 16]),
        shutdown_grace_seconds=draw.choice([0.5, 5.0]),
        queued_max=draw.choice([40, 100_000, 100_000]),
        batch_records_max=draw.choice([1, 2, 5, 50, 1_000]),
        step_facts_max=draw.choice([1, 3, 20, 2_000]),
        page_records_max=draw.choice([1, 7, 2_000]),
    )
    all_roles = ("scheduler", "projectors", "worker")
    slots = draw.choice(
        [
            (all_roles,),
            (all_roles, all_roles),
            (all_roles, ("worker",), ("scheduler",)),
            (("scheduler",), ("scheduler",), ("worker",), ("worker", "projectors")),
            (
                ("scheduler",),
                ("scheduler", "projectors"),
                ("scheduler", "worker"),
                ("worker", "projectors"),
                ("worker",),
            ),
        ]
    )
    gap = draw.choice([0.3, 1.0, 4.0])
    return Scenario(
        seconds=draw.choice([20.0, 40.0] if gap < 1 else [20.0, 60.0, 120.0]),
        defaults=defaults,
        rates=Rates.drawn(draw),
        skew_seconds=draw.choice([0.0, 0.05, 3.0, 3.0, 40.0]),
        shuffle=draw.random() < 0.9,
        step_micros=draw.choice([0, 0, 1, 50]),
        crash_steps=draw.choice([0, 2_000, 10_000]),
        crashes_max=draw.choice([5, 20, 60]),
        chaos_seconds=draw.choice([3.0, 10.0, 40.0]),
        restart_seconds=draw.choice([0.1, 3.0, 12.0]),
        clients=draw.choice([1, 2, 3]),
        gap_seconds=gap,
        side=draw.random() < 0.4,
        slots=slots,
        gather_seconds=draw.choice([0.0, 0.02]),
    )


@dataclass
class Slot:
    """A place where a process runs, is restarted when it dies, and is stopped and started by deploys."""

    name: str
    service: str
    roles: tuple[Role, ...]
    version: Version
    starts: int = 0
    process: str = ""
    clock: SimClock | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Future[None] | None = None
    running: Running | None = None
    down_until: float = 0.0
    removed: bool = False
    """Taken out for good: what it alone had declared must be taken over."""


@dataclass
class Sent:
    """One thing a client asked for, and whether it was told that it is done."""

    what: str
    sent: int
    acked: int = 0
    ids: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()


class World:
    """One run of one seed."""

    def __init__(
        self,
        seed: int,
        *,
        trace: Callable[[str], None] | None = None,
        sql: bool = False,
        flaw: Flaw = "",
        kafka: bool = False,
    ) -> None:
        self.seed = seed
        self.plan = scenario(seed)
        self.draw = random.Random(f"world {seed}")
        self.loop = SimLoop(seed, shuffle=self.plan.shuffle, step_micros=self.plan.step_micros, steps_max=1_500_000)
        self.memory = MemoryWorld()
        self.space = self.memory.space(NAMESPACE)
        self.trouble = Trouble(self.loop, random.Random(f"trouble {seed}"), self.plan.rates, self.kill, self._set_clock)
        self.server = Server(self.trouble, self.space, self.now, flaw) if sql else None
        """The SQL server that the store is on, if it is on one."""
        self.orders = Orders(self.server, random.Random(f"orders {seed}"), self._steps) if self.server else None
        skew = self.plan.skew_seconds
        self.kafka = Kafka(self.trouble, self.memory, NAMESPACE, self.now, skew, seed) if kafka else None
        """The brokers that the log lies at, if it lies there."""
        self.calm = False
        self.ended = False
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.sent: list[Sent] = []
        self.bodies: dict[tuple[str, int], str] = {}
        self.emitted: dict[tuple[str, int], list[str]] = {}
        self.returns: set[tuple[str, int]] = set()
        self.crashes: list[tuple[int, str]] = []
        self.watched: dict[str, list[tuple[int, int]]] = {"main": [], "side": []}
        """From when to when a scheduler of a service ran, in log time by the simulation's own clock."""
        self._up: dict[str, int] = {}
        self.services = ["main", "side"] if self.plan.side else ["main"]
        self.slots: list[Slot] = []
        self._trace = trace
        self._uuids = random.Random(f"ids {seed}")
        self._crash_at = 0
        self._events: list[Emitted] = []

    def say(self, text: str) -> None:
        """Say what happens, where somebody listens."""
        if self._trace is not None:
            self._trace(f"{self.loop.time():10.4f} {text}")

    def now(self) -> int:
        """Return the simulation's own time: the log time of a process whose clock is right."""
        return START_MICROS + self.loop.micros

    # The stage: what bodies report.

    def began(self, me: Current) -> None:
        """Check that a body that begins is recorded as started by its own worker, and is the only one."""
        token, process = (me.id, me.attempt), PROCESS.get()
        if token in self.bodies:
            self.fail(f"two bodies of attempt {me.attempt} of {me.task} {me.id}: {self.bodies[token]}, {process}")
        self.bodies[token] = process
        owner = self._owner(me)
        if owner is None:
            self.fail(f"a body of attempt {me.attempt} of {me.task} {me.id} begins that no record knows")
        elif owner != process:
            self.fail(f"attempt {me.attempt} of {me.id} runs in {process}, recorded in {owner}")

    def _owner(self, me: Current) -> str | None:
        """Return whose attempt it is, as the log has it."""
        if self.kafka is not None:
            return self.kafka.worker_of(me.id, me.attempt)
        started = self.space.find(derive_from(me.id, "start", me.attempt))
        return started.fact.worker if started is not None and isinstance(started.fact, AttemptStarted) else None

    def said(self, me: Current, event: str) -> None:
        """Note an event that is to come with a body's success."""
        self.emitted.setdefault((me.id, me.attempt), []).append(event)

    def returned(self, me: Current) -> None:
        """Note that a body returned."""
        self.returns.add((me.id, me.attempt))

    async def die(self) -> None:
        """Kill the process that calls."""
        self.counts["killed by its task"] += 1
        self.kill(PROCESS.get(), "in a body")
        await asyncio.get_running_loop().create_future()

    def die_at_once(self) -> None:
        """Kill the process that calls; what it still does reaches nobody."""
        self.counts["killed by its task"] += 1
        self.kill(PROCESS.get(), "in a sync body")

    def fail(self, text: str) -> None:
        """Note what must not be."""
        self.wrong.append(text)

    # Processes.

    def kill(self, process: str, where: str) -> None:
        """Crash a process, whatever it is doing."""
        slot = next((each for each in self.slots if each.process == process), None)
        if not process or slot is None or self.loop.is_dead(process):
            return
        self.say(f"{process} is killed {where}")
        self.loop.crash(process)
        self.crashes.append((self.now(), process))
        if self.server is not None:
            self.server.gone(process)
        self.counts["crash"] += 1
        if len(self.crashes) == self.plan.crashes_max:
            self.plan.rates.killed = 0.0
        self._left(slot)
        if slot.gone is not None and not slot.gone.done():
            slot.gone.set_result(None)

    def _left(self, slot: Slot) -> None:
        self._blinks(slot)
        slot.process = ""

    def _watches(self, slot: Slot) -> None:
        if "scheduler" in slot.roles:
            self._up[slot.process] = self.now()

    def _blinks(self, slot: Slot) -> None:
        since = self._up.pop(slot.process, None)
        if since is not None:
            self.watched[slot.service].append((since, self.now()))

    def _after_step(self, process: str) -> None:
        """Crash whoever has just yielded, now and then: so a crash can come at any await."""
        if len(self.space.records) > RECORDS_MAX:
            raise SimulationError(f"more than {RECORDS_MAX} records: somebody decides for ever")
        if self.calm or not process or not self.plan.crash_steps or self.loop.steps < self._crash_at:
            return
        if len(self.crashes) >= self.plan.crashes_max:
            return
        if any(each.process == process for each in self.slots):
            self._crash_at = self.loop.steps + round(self.draw.expovariate(1 / self.plan.crash_steps))
            self.kill(process, "between two steps")

    def store(self, clock: SimClock) -> Store:
        """Return a store as one process sees it."""
        if self.kafka is not None:
            return self.kafka.store(clock)
        line = FaultyLine(self.trouble) if self.server is None else SqlLine(self.trouble, self.server)
        return MemoryStore(self.memory, NAMESPACE, clock, line)

    def _calm_store(self, clock: SimClock) -> Store:
        """Return a store that nothing is in the way of."""
        if self.kafka is not None:
            return self.kafka.store(clock, calm=True)
        return MemoryStore(self.memory, NAMESPACE, clock)

    def engine(self, clock: SimClock, version: Version) -> Engine:
        """Return an engine for one process."""
        return self._engine(clock, version, self.store(clock))

    def _engine(self, clock: SimClock, version: Version, store: Store) -> Engine:
        service = "side" if version == "side" else "main"
        defaults = self.plan.defaults
        engine = Engine("memory:", app_id=NAMESPACE, service=service, defaults=defaults, clock=clock, store=store)
        engine._program = program.program_of(version)  # pyright: ignore[reportPrivateUsage]
        return engine

    def clock(self) -> SimClock:
        """Return a process's clock, off by some skew."""
        skew = self.plan.skew_seconds
        return SimClock(self.loop, skew_seconds=self.draw.uniform(-skew, skew) if not self.calm else 0.0)

    async def keep(self, slot: Slot) -> None:
        """Run a slot's process, and again when it is gone, as a supervisor does."""
        while not self.ended and not slot.removed:
            while self.loop.time() < slot.down_until and not self.calm:  # noqa: ASYNC110  # virtual time
                await asyncio.sleep(0.25)
            slot.starts += 1
            slot.process = f"{slot.name}#{slot.starts}"
            slot.clock = self.clock()
            slot.stop = asyncio.Event()
            slot.gone = self.loop.create_future()
            self.say(f"{slot.process} starts as {slot.version} with {', '.join(slot.roles)}")
            self._watches(slot)
            process = slot.process
            task = self.loop.spawn(process, self._process(slot))
            await asyncio.wait({task, slot.gone}, return_when=asyncio.FIRST_COMPLETED)
            error = task.exception() if task.done() else None
            if task.done() and not self.loop.is_dead(process):
                self._left(slot)
                self.say(f"{process} has ended: {error!r}")
                if error is not None and not isinstance(error, StoreError):
                    self.fail(f"{process} ended with {error!r}")
            await asyncio.sleep(0.05 if self.calm else self.draw.random() * self.plan.restart_seconds)

    async def _process(self, slot: Slot) -> None:
        assert slot.clock is not None
        async with self.engine(slot.clock, slot.version) as engine:
            running = Running(
                engine, only=slot.roles, asker=InlineAsker(), offload=Inline(), gather_seconds=self.plan.gather_seconds
            )
            slot.running = running
            await running.start()
            await slot.stop.wait()
            await running.stop(self.plan.defaults.shutdown_grace_seconds)

    # What is done to them from outside.

    async def chaos(self) -> None:
        """Kill, stop, pause, deploy, part from the store, set clocks, take leases away."""
        while True:
            await asyncio.sleep(self.draw.expovariate(1 / self.plan.chaos_seconds))
            if self.calm:
                return
            if self.kafka is not None and self.kafka.draw.random() < 0.3:
                self.kafka.elect()
                continue
            action = self.draw.choice(
                [self._kill_one, self._kill_one, self._stop_one, self._pause_one, self._deploy, self._deploy,
                 self._remove, self._outage, self._down, self._step_clock, self._take_leases]
            )  # fmt: skip
            action()

    def _running(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.process]

    def _kill_one(self) -> None:
        if running := self._running():
            self.kill(self.draw.choice(running).process, "from outside")

    def _stop_one(self) -> None:
        if running := self._running():
            slot = self.draw.choice(running)
            self.counts["graceful stop"] += 1
            self.say(f"{slot.process} is asked to stop")
            slot.stop.set()

    def _pause_one(self) -> None:
        if running := self._running():
            slot = self.draw.choice(running)
            seconds = self.draw.choice([0.5, 3.0, 1.5 * self.plan.defaults.lease_seconds, 30.0])
            self.say(f"{slot.process} is paused for {seconds} s")
            self.counts["pause"] += 1
            process = slot.process
            if self.loop.is_paused(process):
                return
            self.loop.pause(process, seconds)
            self._blinks(slot)
            self.loop.call_later(seconds, self._back, slot, process)

    def _back(self, slot: Slot, process: str) -> None:
        if slot.process == process:
            self._watches(slot)

    def _deploy(self) -> None:
        """Change versions, of one process or of several, in whatever order; back again too."""
        mains = [slot for slot in self.slots if slot.service == "main"]
        version: Version = self.draw.choice(["v1", "v2"])
        for slot in self.draw.sample(mains, self.draw.randint(1, len(mains))):
            if slot.version != version:
                slot.version = version
                self.counts["deploy"] += 1
                if slot.process and self.draw.random() < 0.5:
                    slot.stop.set()
                elif slot.process:
                    self.kill(slot.process, f"to become {version}")

    def _remove(self) -> None:
        """Take a process out for good, if others have its roles."""
        slot = self.draw.choice(self.slots)
        others = [each for each in self.slots if each.service == slot.service and each is not slot and not each.removed]
        if not slot.removed and set(slot.roles) <= {role for each in others for role in each.roles}:
            slot.removed = True
            self.counts["removed"] += 1
            self.kill(slot.process, "for good")

    def _outage(self) -> None:
        seconds = self.draw.choice([0.3, 4.0, 2 * self.plan.defaults.lease_seconds])
        self.say(f"the store is away for {seconds} s")
        self.counts["outage"] += 1
        self.trouble.away_until = self.loop.time() + seconds

    def _down(self) -> None:
        """Take a whole service down for a while: then slots are missed."""
        service = self.draw.choice(self.services)
        until = self.loop.time() + self.draw.choice([12.0, 35.0, 70.0])
        self.counts["service down"] += 1
        for slot in self.slots:
            if slot.service == service:
                slot.down_until = until
                self.kill(slot.process, "with its whole service")

    def _step_clock(self) -> None:
        if running := self._running():
            self._set_clock(self.draw.choice(running).process)

    def _set_clock(self, process: str) -> None:
        """Step a process's clock, ahead or back."""
        slot = next((each for each in self.slots if process and each.process == process), None)
        if slot is not None and slot.clock is not None and self.plan.skew_seconds:
            skew = self.plan.skew_seconds
            slot.clock.skew = round(self.draw.uniform(-skew, skew) * 1_000_000)
            self.counts["clock step"] += 1

    def _take_leases(self) -> None:
        """Let leases be lost for no reason: they are soft state."""
        self.counts["leases taken"] += 1
        for name in [*self.space.held]:
            if self.draw.random() < 0.5:
                del self.space.held[name]
        for invocation, (worker, _) in [*self.space.work.leases.items()]:
            if self.draw.random() < 0.3:
                self.space.work.leases[invocation] = (worker, 0)

    # Who uses it.

    async def client(self, number: int) -> None:
        """Emit and submit, in bursts and one by one, now and then at exact moments."""
        clock = self.clock()
        while not self.calm:
            try:
                async with self.engine(clock, "v1") as engine:
                    await self._visit(engine, clock)
            except StoreError as error:
                self.counts[f"client saw {type(error).__name__}"] += 1
                await asyncio.sleep(1.0)

    async def _visit(self, engine: Engine, clock: SimClock) -> None:
        while not self.calm:
            await asyncio.sleep(self.draw.expovariate(1 / self.plan.gap_seconds))
            if self.calm:
                return
            try:
                await self._use(engine, clock)
            except (EnsueError, TimeoutError) as error:
                self.counts[f"client saw {type(error).__name__}"] += 1

    async def _use(self, engine: Engine, clock: SimClock) -> None:
        shape = self.draw.random()
        if shape < 0.5:
            await self._emit(engine, self._code())
        elif shape < 0.62:
            code = self._code()
            await self._sending(engine.emit_many(code, [self._payload() for _ in range(self.draw.randint(2, 6))]))
        elif shape < 0.72:
            key = self.draw.choice("xyz")
            payload = {"n": ord(key) % 7, "k": 1} if self.draw.random() < 0.9 else self._payload()
            with contextlib.suppress(IdempotencyConflict):
                await self._sending(engine.emit("a", payload, idempotency_key=key))
        elif shape < 0.80:
            await self._boundary(engine, clock)
        elif shape < 0.90:
            handle: Handle[Any] = await engine.submit("ping", n=self.draw.randint(0, 6), k=self.draw.choice([0, 1, 2]))
            if self.draw.random() < 0.3:
                await asyncio.sleep(self.draw.random())
                if await handle.cancel():
                    self.counts["cancelled"] += 1
        elif shape < 0.95:
            await self._emit(engine, "deep")
        else:
            for code in self.draw.sample(["a", "b", "c", "f.x"], 4):
                await self._emit(engine, code, {"n": 1, "k": 1})

    async def orderer(self, orders: Orders) -> None:
        """Emit inside transactions of one's own, several of them open at a time."""
        open_ones: set[asyncio.Task[None]] = set()
        while not self.calm:
            await asyncio.sleep(orders.draw.expovariate(1 / self.plan.gap_seconds))
            drafts = [self._ordered(orders.draw) for _ in range(orders.draw.randint(1, 3))]
            task = asyncio.ensure_future(orders.place(drafts))
            open_ones.add(task)
            task.add_done_callback(open_ones.discard)
        while open_ones:
            await asyncio.wait(open_ones)

    def _ordered(self, draw: random.Random) -> Draft:
        payload = {"n": draw.randint(0, 6), "k": draw.choice([0, 1, 2])}
        code = draw.choice(["a", "b", "c", "f.x"])
        return draft(ensue_core.ids.new_id(), EventEmitted(code, msgspec.Raw(msgspec.json.encode(payload))))

    def _steps(self) -> int:
        return self.loop.steps

    def _code(self) -> str:
        return self.draw.choice(["a", "a", "b", "b", "c", "c", "f.x", "f.y", "odd"])

    def _payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = {"n": self.draw.randint(0, 6), "k": self.draw.choice([0, 1, 2, 3])}
        if self.draw.random() < 0.1:
            del payload["k"]
        if self.draw.random() < 0.05:
            payload["k"] = self.draw.choice(["1", 1.0, True])
        return payload

    async def _emit(self, engine: Engine, code: str, payload: dict[str, Any] | None = None) -> Emitted:
        return (await self._sending(engine.emit(code, self._payload() if payload is None else payload)))[0]

    async def _sending(self, sending: Coroutine[Any, Any, Any]) -> list[Emitted]:
        """Note when something was sent and when it was acknowledged."""
        sent = Sent("emit", self.loop.steps)
        self.sent.append(sent)
        answer: Any = await sending
        emitted: list[Emitted] = [answer] if isinstance(answer, Emitted) else [*answer]
        sent.acked = self.loop.steps
        sent.ids = tuple(each.id for each in emitted if not each.duplicate)
        sent.positions = tuple(each.position for each in emitted if not each.duplicate)
        self._events += emitted[:1]
        if any(each.duplicate for each in emitted):
            self.counts["duplicate suppressed"] += 1
        return emitted

    async def _boundary(self, engine: Engine, clock: SimClock) -> None:
        """Emit the second side of a join at the very end of its window, or a microsecond later."""
        first, second, window = self.draw.choice(
            [("a", "b", 10.0), ("b", "c", 3.0), ("f.y", "f.x", 5.0), ("a", "c", 4.0)]
        )
        emitted = await self._emit(engine, first, {"n": 5, "k": 2})
        time = self.space.records[emitted.position - 1].time
        late = self.draw.choice([0, 0, 1])
        wait = time + round(window * 1_000_000) + late - clock.now()
        if wait > 0:
            woken = self.loop.create_future()
            self.loop.call_at(self.loop.time() + wait / 1_000_000, woken.set_result, None)
            await woken
        await self._emit(engine, second, {"n": 5, "k": 2})

    async def operator(self) -> None:
        """Pause and resume triggers and services, and fire by hand, as people do."""
        store = self.store(self.clock()) if self.kafka is None else self._calm_store(self.clock())
        await store.open()
        while not self.calm:
            await asyncio.sleep(self.draw.expovariate(1 / (3 * self.plan.chaos_seconds)))
            if self.calm:
                return
            service = self.draw.choice(self.services)
            with contextlib.suppress(StoreError):
                await self._operate(store, service)

    async def _operate(self, store: Store, service: str) -> None:
        names = [name for of, name in sorted(self.space.chains.triggers) if of == service]
        if not names:
            return
        name, shape = self.draw.choice(names), self.draw.random()
        start: ResumeFrom = self.draw.choice(["now", "catch up"])
        if shape < 0.15:
            await commit_facts(store, service, lambda state, head, now: pause_service(state, "sim"))
            self.counts["service paused"] += 1
            await asyncio.sleep(self.draw.choice([1.0, 10.0]))
            await self._resume_service(store, service, start)
        elif shape < 0.25:
            run, invocation = ensue_core.ids.new_id(), ensue_core.ids.new_id()
            await self._tell(store, service, lambda state, head, now: fire(state, name, run, invocation, b"{}", "sim"))
            self.counts["fired by hand"] += 1
        else:
            await self._tell(store, service, lambda state, head, now: pause_trigger(state, name, "sim"))
            self.counts["trigger paused"] += 1
            await asyncio.sleep(self.draw.choice([1.0, 10.0, 30.0]))
            await self._tell(
                store, service, lambda state, head, now: resume_trigger(state, head, now, name, start, "sim")
            )

    async def _tell(self, store: Store, service: str, build: Build) -> None:
        """Commit what a person decides; a trigger may be gone, or its code."""
        with contextlib.suppress(EnsueError):
            await commit_facts(store, service, build)

    async def _resume_service(self, store: Store, service: str, start: ResumeFrom) -> None:
        await commit_facts(
            store, service, lambda state, head, now: resume_service(state, head, now, start, "sim"), skip=start == "now"
        )

    # The run.

    async def main(self) -> None:
        """Safety, then liveness."""
        draw = self.draw
        for number, roles in enumerate(self.plan.slots):
            version: Version = "v1" if draw.random() < 0.8 else "v2"
            self.slots.append(Slot(f"main{number}", "main", roles, version))  # type: ignore[arg-type]
        if self.plan.side:
            for number in range(draw.choice([1, 2])):
                self.slots.append(Slot(f"side{number}", "side", ("scheduler", "worker"), "side"))
        self._crash_at = round(draw.expovariate(1 / (self.plan.crash_steps or 1)))
        self.loop.after_step = self._after_step
        keepers = [asyncio.ensure_future(self.keep(slot)) for slot in self.slots]
        for number in range(self.plan.clients):
            _ = self.loop.spawn(f"client{number}", self.client(number))
        _ = self.loop.spawn("operator", self.operator())
        ordering = asyncio.ensure_future(self.orderer(self.orders)) if self.orders is not None else None
        chaos = asyncio.ensure_future(self.chaos())
        await asyncio.sleep(self.plan.seconds)
        chaos.cancel()
        if ordering is not None:
            self.calm = self.trouble.over = True
            await ordering
        await self.come_to_rest()
        self.ended = True
        for each in keepers:
            each.cancel()
            if each.done() and not each.cancelled() and each.exception() is not None:
                self.fail(f"the simulation broke: {each.exception()!r}")

    async def come_to_rest(self) -> None:
        """Let faults and work end; everything must be done within a bound of virtual time."""
        self.say("calm begins")
        self.calm = self.trouble.over = True
        if self.kafka is not None:
            self.kafka.calm()
        for slot in self.slots:
            if slot.clock is not None:
                slot.clock.skew = 0
        store = self._calm_store(SimClock(self.loop))
        await store.open()
        bound = 400 + 4 * self.plan.skew_seconds + 20 * self.plan.defaults.lease_seconds
        until = self.loop.time() + bound
        resumed = 0.0
        while (why := self.unrest()) and self.loop.time() < until:
            if self.loop.time() >= resumed:
                # An operator may have been cut short: what is paused goes on, in time to be seen.
                await self._resume_all(store)
                resumed = self.loop.time() + 20
            await asyncio.sleep(0.1)
        if why:
            self.fail(f"not at rest after {bound:g} s without faults: {why}")
            for line in self.loop.pending():
                self.say(line)
            return
        await self._settled()

    async def _resume_all(self, store: Store) -> None:
        for service in self.services:
            state = ChainState(await store.decisions.load(service))
            if state.row.paused:
                await self._resume_service(store, service, "catch up")
            for name, row in sorted(state.triggers.items()):
                if row.state == "paused" and row.reason != "takeover":
                    await self._tell(
                        store, service,
                        partial(_catch_up, name),
                    )  # fmt: skip

    def unrest(self) -> str:
        """Say what is not done yet; empty where everything rests."""
        space, now = self.space, self.now()
        if self.server is not None and any(row.state == "committed" for row in self.server.intake):
            return "committed rows wait in the intake"
        if space.work.rows:
            work = next(iter(space.work.rows.values()))
            return f"{len(space.work.rows)} invocations are unfinished, such as {work}"
        if space.views.cursors.get(PROJECTION, (0, 0))[1] < len(space.records):
            return f"the query views stand at {space.views.cursors.get(PROJECTION)}, the log at {len(space.records)}"
        slack = round((2 * self.plan.skew_seconds + 1) * 1_000_000)
        for service in self.services:
            chain = space.chains.snapshot(service)
            if chain.row.paused:
                return f"service {service} is paused"
            for row in chain.triggers:
                if row.state == "paused" and row.reason != "takeover":
                    return f"trigger {row.trigger} of {service} is paused"
                if row.state != "active":
                    continue
                if row.own is not None:
                    return f"trigger {row.trigger} of {service} lags at {row.own}, the chain is at {chain.row.through}"
                for record in space.records[max(chain.row.through.position, row.begins) :]:
                    for what in happened(record):
                        if any(listens(each, what) for each in row.spec.conditions.values()):
                            return f"record {record.position} waits for {row.trigger} of {service}"
                late = [
                    each
                    for each in chain.waiting
                    if each.trigger == row.trigger and each.deadline < min(now - slack, space.head().time)
                ]
                if late:
                    return f"a match of {row.trigger} of {service} is past its deadline: {late[0]}"
            states = {row.trigger: row.state for row in chain.triggers}
            for timer in chain.timers:
                if states.get(timer.trigger) == "active" and timer.due < now - slack and not timer.note:
                    return f"a slot of {timer.trigger} of {service} is overdue: {timer}"
        return ""

    async def _settled(self) -> None:
        """At rest, whoever waits for what an event caused is told so."""
        clock = SimClock(self.loop)
        async with self._engine(clock, "v1", self._calm_store(clock)) as engine:
            for emitted in self.draw.sample(self._events, min(3, len(self._events))):
                try:
                    await Emitted(engine, ensue_core.ids.Id(emitted.id), emitted.position, False).settled(timeout=60)
                except WaitTimeout as error:
                    self.fail(f"at rest, and yet not settled: {error}")
        until = self.loop.time() + 60
        while self.unrest() and self.loop.time() < until:  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.05)

    def run(self) -> None:
        """Run it all. Afterwards `wrong` holds what must not be, so far."""
        with self._set():
            try:
                self.loop.run(self.main())
            except Exception as error:
                self.fail(f"the run broke: {type(error).__name__}: {error}")
        if self.orders is not None:
            self.wrong += [f"orders: {text}" for text in self.orders.wrong()]
        if self.kafka is not None:
            self.wrong += [f"kafka: {text}" for text in self.kafka.wrong()]
        for process, message, raised in self.loop.unhandled:
            self.fail(f"nobody handled what {process or 'the simulation'} raised: {message} {raised!r}")
        for operation, late in self.trouble.late:
            self.fail(f"{operation} that came late raised {late!r}")
        self.evidence = self._evidence()
        try:
            self.wrong += check(self.evidence)
        except Exception as error:
            self.fail(f"the log cannot even be checked: {type(error).__name__}: {error}")

    def _evidence(self) -> Evidence:
        return Evidence(
            space=self.space,
            defaults=self.plan.defaults,
            services=self.services,
            acked=[
                *((each.sent, each.acked, each.ids, each.positions) for each in self.sent if each.acked),
                *(self.orders.acked() if self.orders is not None else ()),
            ],
            bodies=self.bodies,
            returns=self.returns,
            emitted=self.emitted,
            crashes=self.crashes,
            downs={service: self._downs(service) for service in self.services},
            margin=round((2 * self.plan.skew_seconds + 1) * 1_000_000),
            seed=self.seed,
            lags=self.kafka is not None,
            at_rest=not any("not at rest" in each for each in self.wrong),
        )

    def _downs(self, service: str) -> list[tuple[int, int]]:
        """Return when no scheduler of a service ran for longer than a lease."""
        downs: list[tuple[int, int]] = []
        until = START_MICROS
        for slot in self.slots:
            if slot.service == service:
                self._blinks(slot)
        for begin, end in sorted(self.watched[service]):
            if begin - until > 2 * self.plan.defaults.lease_seconds * 1_000_000:
                downs.append((until, begin))
            until = max(until, end)
        return downs

    @contextlib.contextmanager
    def _set(self) -> Generator[None]:
        """Put the world on stage: ids and process names from the seed, errors of the engine's loggers kept."""
        kept = _Kept(self)
        logger = logging.getLogger("ensue")
        level, propagates = logger.level, logger.propagate
        ids: Any = ensue_core.ids
        running: Any = ensue.running
        uuid7, process_name = ids.uuid7, running.process_name
        ids.uuid7, running.process_name = self._uuid, PROCESS.get
        logger.addHandler(kept)
        logger.setLevel(logging.INFO if self._trace else logging.ERROR)
        logger.propagate = False
        program.enter(self)
        state = random.getstate()
        random.seed(self.seed)
        try:
            yield
        finally:
            random.setstate(state)
            program.leave()
            logger.removeHandler(kept)
            logger.setLevel(level)
            logger.propagate = propagates
            ids.uuid7, running.process_name = uuid7, process_name

    def _uuid(self) -> Any:
        millis = self.now() // 1_000
        return _Uuid(f"{millis << 80 | 7 << 76 | self._uuids.getrandbits(76):032x}")


class _Uuid(msgspec.Struct):
    hex: str


class _Kept(logging.Handler):
    """Turns what the engine logs as errors into what must not be."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an error; say the rest. What is left over when the loop is closed says nothing."""
        if self._world.loop.is_closed():
            return
        text = f"{PROCESS.get()} {record.name}: {record.getMessage()}"
        # A worker that stops while the store is away leaves its ends to the reaper, and says so.
        if record.levelno >= logging.ERROR and "could not be committed" not in text:
            if record.exc_info:
                text += f" ({logging.Formatter().formatException(record.exc_info)[-1500:]})"
            self._world.fail(text)
        self._world.say(text)

    def handleError(self, record: logging.LogRecord) -> NoReturn:
        """Let nothing about logging pass in silence."""
        raise AssertionError(f"logging failed: {record}")


def _catch_up(trigger: str, state: ChainState, head: int, now: int) -> Sequence[Fact | Draft]:
    return resume_trigger(state, head, now, trigger, "catch up", "sim")
