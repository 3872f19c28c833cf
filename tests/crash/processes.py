"""The processes of a deployment under attack: forked from one that has loaded everything, so that they start at once.

Each runs roles of the simulation's program on one store, as `ensue run --only` does, or is a client. What bodies
do goes to a file of effects, line by line, before anything else can happen: it outlives SIGKILL.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ensue import Engine, EnsueError, Handle, IdempotencyConflict
from ensue.current import Current
from ensue.running import Role
from ensue_core.defaults import Defaults
from ensue_core.errors import StoreUnavailable
from tests.crash import orders, points
from tests.crash.points import Kind
from tests.simulation import program
from tests.simulation.program import Version

NAMESPACE = "sim"
LEASE_SECONDS = 0.6
AWAY = 75
"""The status of a process whose store does not answer as it starts."""

DEFAULTS = Defaults(
    app_id=NAMESPACE,
    lease_seconds=LEASE_SECONDS,
    heartbeat_seconds=LEASE_SECONDS / 3,
    cause_depth_max=8,
    waiting_per_key_max=6,
    retry_first_seconds=0.2,
)


@dataclass
class Place:
    """A directory with the effects of bodies, what clients were told, and what processes logged.

    `server` is the URL of a schema on a Postgres server, or of a log in Kafka, whose views are a file in the directory;
    without one, the store is that file.
    """

    directory: Path
    server: str = ""

    @property
    def kind(self) -> Kind:
        """The kind of store."""
        if self.server.startswith("kafka:"):
            return "kafka"
        return "postgres" if self.server else "sqlite"

    @property
    def url(self) -> str:
        """The store."""
        file = f"sqlite:///{self.file}"
        return f"{self.server}?views={file}&events=2&attempts=2" if self.kind == "kafka" else self.server or file

    @property
    def file(self) -> Path:
        """The file with the store, or with its views."""
        return self.directory / "log.db"

    @property
    def effects(self) -> Path:
        """What bodies did."""
        return self.directory / "effects.jsonl"

    @property
    def said(self) -> Path:
        """What processes logged."""
        return self.directory / "said.log"

    def told(self, client: int) -> Path:
        """What a client was told."""
        return self.directory / f"client-{client}.jsonl"


@dataclass
class Slot:
    """One process of the deployment, started again whenever it dies."""

    name: str
    service: str
    version: Version
    roles: tuple[Role, ...]
    point: str = ""
    count: int = 1
    pid: int = 0
    stopped_until: float = 0.0
    exits: list[int] = field(default_factory=list[int])


def fork(main: Callable[[], int], said: Path) -> int:
    """Run a function in a process of its own; its output goes to a file."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        descriptor = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until somebody can hear it
        random.seed()
        code = main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def log_errors(form: str = "%(name)s: %(message)s") -> None:
    """Log what is wrong, which nothing may be.

    asyncpg leaves a future behind where a server dies as a connection to it is made; asyncio says so, nobody is harmed.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format=form)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says that brokers are away, as they are
    left_behind = "unexpected connection_lost() call"
    logging.getLogger("asyncio").addFilter(lambda record: left_behind not in record.getMessage())


class Lines:
    """A file that whole lines are appended to, by any number of processes."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, *values: object) -> None:
        """Append one line; it is the operating system's from here on."""
        os.write(self._descriptor, json.dumps(values).encode() + b"\n")


def lines(path: Path) -> list[Any]:
    """Return the lines of such a file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Stage:
    """The world as bodies see it: they tell what they do, and some take their process with them."""

    def __init__(self, place: Place, seed: int, deaths: float) -> None:
        self.seed = seed
        self.calm = True  # bodies sleep little: this is real time
        self.draw = random.Random()
        self._effects = Lines(place.effects)
        self._deaths = deaths

    def began(self, me: Current) -> None:
        """A body begins."""
        points.reach("body.begins")
        self._effects.add("began", me.id, me.attempt, me.task, os.getpid())
        if self.draw.random() < self._deaths:
            self.die_at_once()

    def said(self, me: Current, event: str) -> None:
        """A body has emitted an event that is to come with its success."""
        self._effects.add("said", me.id, me.attempt, event)

    def returned(self, me: Current) -> None:
        """A body returns."""
        self._effects.add("returned", me.id, me.attempt)
        points.reach("body.returns")

    async def die(self) -> None:
        """Kill the process."""
        self.die_at_once()

    def die_at_once(self) -> None:
        """Kill the process."""
        os.kill(os.getpid(), signal.SIGKILL)


def serve(place: Place, slot: Slot, seed: int, deaths: float) -> int:
    """Run roles until SIGTERM, which drains."""
    log_errors(f"{slot.name}: %(name)s: %(message)s")
    program.enter(Stage(place, seed, deaths))
    if slot.point:
        points.arm(place.kind, slot.point, slot.count)

    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        engine = Engine(
            place.url, tasks=[program.tasks_of(slot.version)], app_id=NAMESPACE, service=slot.service, defaults=DEFAULTS
        )
        await engine.serve(only=slot.roles, grace_seconds=1.0, stop=stop)

    return _run(main())


def _run(main: Coroutine[Any, Any, None]) -> int:
    """Run a process; one that does not find its store says so with its status, and is started again."""
    try:
        asyncio.run(main)
    except StoreUnavailable:
        return AWAY
    return 0


def prepare(place: Place) -> int:
    """Make the store, and a user's own table where it can have one."""

    async def main() -> None:
        async with Engine(place.url, app_id=NAMESPACE):
            pass
        if place.kind == "postgres":
            await orders.prepare(place.url)

    asyncio.run(main())
    return 0


CODES = ("a", "b", "c", "a", "b", "c", "f.x", "f.y", "odd", "unheard")


def send(place: Place, client: int, seed: int, acts: int, gap_seconds: float, point: str = "", count: int = 1) -> int:
    """Emit and submit, act by act, and write down what was acknowledged; a restart goes on where it stopped."""
    log_errors()
    if point:
        points.arm(place.kind, point, count)
    told = Lines(place.told(client))
    done = max((line[0] + 1 for line in lines(place.told(client))), default=0)

    async def main() -> None:
        engine = Engine(place.url, tasks=[program.tasks_of("v1")], app_id=NAMESPACE, defaults=DEFAULTS)
        async with engine:
            for number in range(done, acts):
                draw = random.Random(f"{seed} {client} {number}")
                sent = time.monotonic_ns()
                try:
                    if place.kind == "postgres" and draw.random() < 0.3:
                        emit = NAMESPACE, draw.choice(CODES), _payload(draw)
                        await orders.place_orders(place.url, emit, draw, partial(told.add, number, sent, 0, "tried"))
                        continue
                    answers = await _act(engine, draw, f"{client}-{number}")
                except EnsueError as error:
                    told.add(number, sent, 0, "error", [], str(error))
                    continue
                fresh = [each for each in answers if not each[2]]
                told.add(
                    number, sent, time.monotonic_ns(), "told", [each[:2] for each in fresh],
                    [each[0] for each in answers if each[2]],
                )  # fmt: skip
                await asyncio.sleep(draw.expovariate(1 / gap_seconds) if gap_seconds else 0)

    return _run(main())


def _payload(draw: random.Random) -> dict[str, int]:
    return {"n": draw.randrange(12), "k": draw.choice([1, 2])}


async def _act(engine: Engine, draw: random.Random, key: str) -> Sequence[tuple[str, int, bool]]:
    """Do one thing; return the ids, positions and whether they stood already."""
    payload = _payload(draw)
    code = draw.choice(CODES)
    match draw.randrange(10):
        case 0 | 1:
            # A key that a restarted client uses again, and that says no to another payload.
            emitted = await engine.emit(code, payload, idempotency_key=key)
            again = await engine.emit(code, payload, idempotency_key=key)
            assert (again.id, again.position, again.duplicate) == (emitted.id, emitted.position, True)
            try:
                await engine.emit(code, {"n": -1, "k": 1}, idempotency_key=key)
            except IdempotencyConflict:
                return [(emitted.id, emitted.position, emitted.duplicate)]
            raise AssertionError(f"key {key} was taken by another payload")
        case 2:
            batch = await engine.emit_many(code, [{**payload, "n": number} for number in range(draw.randrange(2, 9))])
            return [(each.id, each.position, each.duplicate) for each in batch]
        case 3:
            handle: Handle[Any] = await engine.submit(draw.choice(["ping", "child"]), **payload)
            return [(handle.id, 0, True)]
        case 4 if draw.random() < 0.3:
            emitted = await engine.emit("deep", payload)
        case _:
            emitted = await engine.emit(code, payload)
    return [(emitted.id, emitted.position, emitted.duplicate)]
