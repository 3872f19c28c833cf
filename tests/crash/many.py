"""So many events through a log in Kafka while brokers, engines and emitters are killed: `python -m tests.crash.many`.

`--events 100000` is a campaign; a short run is one of the tests. Each event has a key, and whoever emits asks again
until it is told. In the end every event stands once, with one firing and one successful end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ensue import Engine, on_event
from ensue_adapters.kafka.log import open_store
from ensue_core.clock import SYSTEM_CLOCK
from ensue_core.defaults import Defaults
from ensue_core.errors import EnsueError
from ensue_core.facts import AttemptEnded, EventEmitted, TriggerFired
from tests.crash.brokers import Brokers
from tests.crash.processes import fork, log_errors
from tests.servers.kafka import NEWEST, cluster

NAMESPACE = "many"
DEFAULTS = Defaults(app_id=NAMESPACE, lease_seconds=1.5, heartbeat_seconds=0.5)
AT_ONCE = 500
ENGINES = EMITTERS = 2
REST_SECONDS = 120.0


def engine_of(url: str) -> Engine:
    """One task, which reacts to each event."""
    engine = Engine(url, app_id=NAMESPACE, defaults=DEFAULTS)

    @engine.task(triggers=on_event("many").with_args_from_event("n"))
    async def count(n: int) -> int:
        return n

    return engine


def serve(url: str) -> int:
    """Run every role until SIGTERM."""
    log_errors()

    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        await engine_of(url).serve(grace_seconds=1.0, stop=stop)

    return _away(main)


def emit(url: str, first: int, past: int, done: Path) -> int:
    """Emit events with keys, again until each is acknowledged; go on where the process before was."""
    log_errors()

    write = done.write_text  # blocks for microseconds, in a process that does nothing else
    at = int(done.read_text()) if done.exists() else first

    async def main() -> None:
        nonlocal at
        async with engine_of(url) as engine:
            while at < past:
                numbers = range(at, min(at + AT_ONCE, past))
                try:
                    await asyncio.gather(
                        *(engine.emit("many", {"n": number}, idempotency_key=str(number)) for number in numbers)
                    )
                except EnsueError:
                    await asyncio.sleep(0.2)
                    continue
                at = numbers[-1] + 1
                write(str(at))

    return _away(main)


def _away(main: Callable[[], object]) -> int:
    """Run; whoever finds no broker ends, and is started again."""
    try:
        asyncio.run(main())  # type: ignore[arg-type]
    except EnsueError:
        return 75
    return 0


class Campaign:
    """One run."""

    def __init__(self, events: int, seed: int, folder: Path) -> None:
        self.events, self.draw, self.counts = events, random.Random(seed), Counter[str]()
        self._folder = folder
        self._running: dict[int, Callable[[], int]] = {}

    def run(self) -> list[str]:
        """Emit, kill, settle; return what is wrong."""
        with cluster(NEWEST, nodes=3) as brokers:
            url = f"kafka://{brokers.address}/many?views=sqlite:///{self._folder / 'views.db'}"
            asyncio.run(_prepare(url))
            share = -(-self.events // EMITTERS)
            for _ in range(ENGINES):
                self._start(partial(serve, url))
            emitting = [
                partial(
                    emit, url, number * share, min((number + 1) * share, self.events), self._folder / f"done{number}"
                )
                for number in range(EMITTERS)
            ]
            for each in emitting:
                self._start(each)
            harms = Brokers(brokers, self.draw, self.counts, f"many.{NAMESPACE}.steps")
            try:
                while any(each.func is emit for each in self._running.values() if isinstance(each, partial)):
                    self._wait(self.draw.uniform(0.5, 2.5))
                    if self.draw.random() < 0.35:
                        harms.harm()
                    else:
                        self._kill()
                harms.heal()
                return asyncio.run(self._settle(url))
            finally:
                for pid in self._running:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def _start(self, main: Callable[[], int]) -> None:
        self._running[fork(main, self._folder / "said.log")] = main

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tend()
            time.sleep(0.02)

    def _tend(self) -> None:
        """Start again who has died; an emitter that is done is done."""
        for pid, main in list(self._running.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            del self._running[pid]
            if os.waitstatus_to_exitcode(status) != 0:
                self._start(main)

    def _kill(self) -> None:
        pid = self.draw.choice(list(self._running))
        if self.draw.random() < 0.25:
            self.counts["process paused"] += 1
            os.kill(pid, signal.SIGSTOP)
            self._wait(self.draw.choice([0.5, 2.5]))
            os.kill(pid, signal.SIGCONT)
            return
        self.counts["process killed"] += 1
        os.kill(pid, signal.SIGKILL)

    async def _settle(self, url: str) -> list[str]:
        """Wait until nothing is left to do, then count everything."""
        store = open_store(url, NAMESPACE, SYSTEM_CLOCK)
        await store.open()
        until = time.monotonic() + REST_SECONDS
        seen, events, fired, ended = 0, Counter[str](), Counter[str](), Counter[str]()
        source: dict[str, str] = {}
        while time.monotonic() < until and len(ended) < self.events:
            self._tend()
            page = await store.log.read(seen, 2_000)
            for each in page:
                seen = each.position
                match each.fact:
                    case EventEmitted():
                        events[each.id] += 1
                    case TriggerFired():
                        fired[each.fact.participants[0].source] += 1
                        source[each.fact.invocation] = each.fact.participants[0].source
                    case AttemptEnded(status="SUCCESS"):
                        ended[source[each.fact.invocation]] += 1
                    case AttemptEnded():
                        self.counts[each.fact.status] += 1
                    case _:
                        pass
            if not page:
                await asyncio.sleep(0.05)
        await store.close()
        wrong = [f"{len(found)} {word}, not {self.events}" for word, found in (
            ("events", events), ("firings", fired), ("ends", ended),
        ) if len(found) != self.events]  # fmt: skip
        twice = sum(count > 1 for found in (events, fired, ended) for count in found.values())
        return [*wrong, *([f"{twice} things happened twice"] if twice else [])]


async def _prepare(url: str) -> None:
    store = open_store(url, NAMESPACE, SYSTEM_CLOCK)
    await store.open()
    await store.close()


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.many", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ensue-many-") as folder:
        campaign, began = Campaign(said.events, said.seed, Path(folder)), time.monotonic()
        wrong = campaign.run()
        done = ", ".join(f"{count} {name}" for name, count in sorted(campaign.counts.items()))
        told = "; ".join(wrong) or f"{said.events} events in, {said.events} accounted for, one outcome each"
        print(f"{told} ({time.monotonic() - began:.0f} s; {done})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
