"""A deployment under attack: processes that are killed, stopped, paused, upgraded and rolled back, and come again.

`attack(...)` lets chaos and work go on together, then lets faults stop: all must drain within bounds, and the
evidence must hold. `at_point(...)` does the same with one process that dies at one named moment.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from ensue.running import Role
from tests.crash.brokers import Brokers
from tests.crash.database import database
from tests.crash.evidence import judge, rest
from tests.crash.points import POINTS, Point
from tests.crash.processes import AWAY, LEASE_SECONDS, Place, Slot, fork, prepare, send, serve
from tests.servers.kafka import NEWEST, cluster
from tests.simulation.program import Version

REST_SECONDS = 60.0
"""How long a deployment may take to come to rest once faults have stopped."""

POINT_SECONDS = 40.0
"""How long it may take until a fail-point is reached: the folds of a log at a broker may be a client's at first."""

STOP_SECONDS = 10.0
"""How long a process may take to drain."""

ALL: tuple[Role, ...] = ("scheduler", "projectors", "worker")


class Fleet:
    """The processes of one place, and what was done to them."""

    def __init__(self, directory: Path, seed: int, deaths: float = 0.0, server: str = "") -> None:
        self.place = Place(directory, server)
        self.seed = seed
        self.deaths = deaths
        self.draw = random.Random(f"fleet {seed}")
        self.slots: list[Slot] = []
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._clients: dict[int, tuple[int, int, float]] = {}
        self._ask("prepare", lambda answer: prepare(self.place))

    # Starting and ending.

    def add(self, name: str, service: str, version: Version, roles: tuple[Role, ...]) -> Slot:
        """Add a process and start it."""
        slot = Slot(name, service, version, roles)
        self.slots.append(slot)
        self.start(slot)
        return slot

    def start(self, slot: Slot) -> None:
        """Start a process."""
        slot.pid = fork(lambda: serve(self.place, slot, self.seed, self.deaths), self.place.said)

    def client(self, number: int, acts: int, gap_seconds: float, point: str = "", count: int = 1) -> None:
        """Start a client; it is started again until it is done."""
        run = lambda: send(self.place, number, self.seed, acts, gap_seconds, point, count)  # noqa: E731
        self._clients[fork(run, self.place.said)] = (number, acts, gap_seconds)

    @property
    def sending(self) -> list[int]:
        """The clients that are not done."""
        return list(self._clients)

    def kill(self, slot: Slot, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        if slot.pid:
            self.counts[signal.Signals(number).name] += 1
            os.kill(slot.pid, number)

    def tend(self, *, restart: bool = True) -> None:
        """Notice who died, and start them again; wake who was paused long enough."""
        for slot in self.slots:
            if slot.stopped_until and time.monotonic() > slot.stopped_until:
                os.kill(slot.pid, signal.SIGCONT)
                slot.stopped_until = 0.0
            code = _ended(slot.pid)
            if code is None:
                continue
            slot.pid, slot.stopped_until = 0, 0.0
            slot.exits.append(code)
            if code == AWAY and self.place.server:
                self.counts["store away"] += 1
            elif code not in (0, -signal.SIGKILL):
                self.wrong.append(f"{slot.name} ended with {code}")
            self.counts["died by itself"] += code == -signal.SIGKILL and bool(slot.point)
            slot.point = ""
            if restart:
                self.start(slot)
        for pid, (number, acts, gap) in list(self._clients.items()):
            code = _ended(pid)
            if code is not None:
                del self._clients[pid]
                if code == -signal.SIGKILL or (code == AWAY and self.place.server):
                    self.counts["client died"] += code == -signal.SIGKILL
                    self.client(number, acts, gap)
                elif code:
                    self.wrong.append(f"client {number} ended with {code}")

    def wait(self, seconds: float) -> None:
        """Let real time pass, tending."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tend()
            time.sleep(min(0.02, max(until - time.monotonic(), 0)))

    # The end.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        """End what still runs, where a round broke."""
        for pid in [*(slot.pid for slot in self.slots if slot.pid), *self._clients]:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def come_to_rest(self) -> None:
        """Faults have stopped: clients finish, everything drains, everybody stops cleanly; then look."""
        until = time.monotonic() + REST_SECONDS
        for slot in self.slots:
            slot.stopped_until = min(slot.stopped_until, time.monotonic())
        while self._clients and time.monotonic() < until:
            self.wait(0.05)
        if self._clients:
            self.wrong.append(f"clients are not done after {REST_SECONDS:g} s: {list(self._clients.values())}")
        services = sorted({slot.service for slot in self.slots})
        began = time.monotonic()
        found = self._ask("rest", partial(rest, self.place, services, REST_SECONDS))
        self.counts["rest_ms"] = round((time.monotonic() - began) * 1000)
        if found.get("why", "nobody said"):
            self.wrong.append(f"not at rest {REST_SECONDS:g} s after the last fault: {found}")
        self._stop_all()
        position = int(found.get("position", 0))
        judged = self._ask("judge", partial(judge, self.place, services, position))
        self.wrong += judged.get("wrong", ["nobody judged"])
        self.counts["records"] = judged.get("records", 0)
        for status, count in judged.get("ends", {}).items():
            self.counts[f"end {status}"] = count
        said = self.place.said.read_text() if self.place.said.exists() else ""
        if said.strip():
            self.wrong.append(f"processes said: {said[:3000]}")

    def _stop_all(self) -> None:
        """Ask everybody to stop; each drains and exits with 0."""
        for slot in self.slots:
            self.kill(slot, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while any(slot.pid for slot in self.slots) and time.monotonic() < until:
            self.tend(restart=False)
            time.sleep(0.01)
        for slot in self.slots:
            if slot.pid:
                self.wrong.append(f"{slot.name} did not stop within {STOP_SECONDS:g} s")
                os.kill(slot.pid, signal.SIGKILL)
                os.waitpid(slot.pid, 0)
                slot.pid = 0
            elif slot.exits[-1] != 0:
                self.wrong.append(f"{slot.name} ended with {slot.exits[-1]} when it was asked to stop")

    def _ask(self, name: str, main: Callable[[Path], int]) -> dict[str, Any]:
        """Run a function of an answer's path in a process of its own, tending meanwhile; return the answer."""
        answer = self.place.directory / f"{name}.json"
        pid = fork(lambda: main(answer), self.place.said)
        while _ended(pid) is None:
            self.tend()
            time.sleep(0.01)
        found: dict[str, Any] = json.loads(answer.read_text()) if answer.exists() else {}
        return found


def _ended(pid: int) -> int | None:
    """Return the exit code of a process that has ended, negative for a signal; None for one that runs, or none."""
    if not pid:
        return None
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


# Random attacks.


def attack(directory: Path, seed: int, seconds: float, gap_seconds: float = 0.15) -> Fleet:
    """Three workers, two schedulers, projectors, another service and two clients, attacked for a while."""
    with Fleet(directory, seed, deaths=0.01) as fleet:
        return _attack(fleet, seconds, gap_seconds, [_harm])


def attack_with_server(directory: Path, seed: int, seconds: float, gap_seconds: float = 0.3) -> Fleet:
    """The same on a Postgres server, which is attacked as well; with an odd seed it has a synchronous standby."""
    draw, counts = random.Random(f"database {seed}"), Counter[str]()
    with (
        database(draw, counts, replicated=bool(seed % 2)) as server,
        Fleet(directory, seed, deaths=0.01, server=f"{server.url}?schema=sim") as fleet,
    ):
        _attack(fleet, seconds, gap_seconds, [_harm, lambda fleet: server.harm()], 5)
        fleet.counts.update(counts)
        return fleet


def attack_with_brokers(directory: Path, seed: int, seconds: float, gap_seconds: float = 0.4) -> Fleet:
    """The same on a log in Kafka: three brokers, each record on all, which are killed and paused as well."""
    draw, counts = random.Random(f"brokers {seed}"), Counter[str]()
    with cluster(NEWEST, nodes=3) as brokers:
        harms = Brokers(brokers, draw, counts)
        with Fleet(directory, seed, deaths=0.01, server=f"kafka://{brokers.address}/sim") as fleet:
            _attack(fleet, seconds, gap_seconds, [_harm, _harm, lambda fleet: harms.harm()], 5, calm=harms.heal)
            fleet.counts.update(counts)
            return fleet


def _attack(
    fleet: Fleet,
    seconds: float,
    gap_seconds: float,
    harms: Sequence[Callable[[Fleet], None]],
    acts: float = 12,
    calm: Callable[[], None] | None = None,
) -> Fleet:
    for number in range(3):
        fleet.add(f"worker{number}", "main", "v1", ("worker",))
    for number in range(2):
        fleet.add(f"scheduler{number}", "main", "v1", ("scheduler",))
    fleet.add("projector", "main", "v1", ("projectors",))
    fleet.add("side", "side", "side", ALL)
    number_of_acts = max(int(seconds * acts), 20)
    for number in range(2):
        fleet.client(number, number_of_acts, 0.05)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        fleet.wait(min(fleet.draw.expovariate(1 / gap_seconds), 1.0))
        fleet.draw.choice(harms)(fleet)
    if calm is not None:
        calm()
    fleet.come_to_rest()
    return fleet


def _harm(fleet: Fleet) -> None:
    draw = fleet.draw
    slot = draw.choice(fleet.slots)
    if slot.stopped_until:
        return
    match draw.randrange(10):
        case 0 | 1:
            fleet.kill(slot, signal.SIGSTOP)
            slot.stopped_until = time.monotonic() + draw.choice([0.3, 1.5, 3.0]) * LEASE_SECONDS
        case 2:
            fleet.kill(slot, signal.SIGTERM)
        case 3:
            # A rolling deploy, one process at a time, or a rollback; killed or asked to stop.
            mains = [each for each in fleet.slots if each.service == "main" and not each.stopped_until]
            version: Version = draw.choice(["v1", "v2"])
            for each in draw.sample(mains, draw.randint(0, len(mains))):
                each.version = version
                fleet.counts["deploys"] += 1
                fleet.kill(each, draw.choice([signal.SIGKILL, signal.SIGTERM]))
        case 4 if fleet.sending:
            fleet.counts["SIGKILL"] += 1
            os.kill(draw.choice(fleet.sending), signal.SIGKILL)
        case _:
            fleet.kill(slot)


# One death at one moment.


def at_point(directory: Path, name: str, *, apart: bool, seed: int = 1, server: str = "") -> Fleet:
    """Let one process die at a fail-point, with its roles together or apart from the others; then come to rest."""
    with Fleet(directory, seed, server=server) as fleet:
        point = POINTS[fleet.place.kind][name]
        victim = _begin(fleet, name, point, apart=apart)
        until = time.monotonic() + POINT_SECONDS
        asked = False
        while time.monotonic() < until and not _died(fleet, victim):
            fleet.wait(0.05)
            if victim is not None and point.asked_to_stop and not asked and not fleet.sending:
                asked = True
                fleet.kill(victim, signal.SIGTERM)
        if not _died(fleet, victim):
            fleet.wrong.append(f"nobody died at {name}")
        fleet.come_to_rest()
        return fleet


def _begin(fleet: Fleet, name: str, point: Point, *, apart: bool) -> Slot | None:
    """Start everybody; return who is to die, None for the client."""
    layouts: Sequence[tuple[Role, ...]] = [("scheduler",), ("worker",), ("projectors",)] if apart else [ALL]
    victim: Slot | None = None
    for roles in layouts:
        slot = Slot("+".join(roles), "main", "v1", roles)
        fleet.slots.append(slot)
        if point.victim in roles:
            victim = slot
            slot.point, slot.count = name, point.count
        fleet.start(slot)
    if victim is None:
        fleet.client(0, 24, 0.01, name, point.count)
    else:
        fleet.client(0, 24, 0.01)
    return victim


def _died(fleet: Fleet, victim: Slot | None) -> bool:
    if victim is None:
        return fleet.counts["client died"] > 0
    return -signal.SIGKILL in victim.exits
