"""Runs the simulated engine over many seeds: `python -m tests.simulate --seeds 1000`.

Each seed is a whole deployment under faults, checked at the end. A failing seed is printed with the command
that replays it, bit for bit. What was reached is counted: a campaign in which something that must be seen now
and then was not is a failure, too.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.sometimes import NEVER_ON_KAFKA, SOMETIMES, SOMETIMES_ON_KAFKA, SOMETIMES_ON_SQL, sometimes
from tests.simulation.sql import Flaw
from tests.simulation.world import World

SEEDS_MIN = 200
"""A campaign of fewer seeds is not judged by what it reached."""

PER_PROCESS = 25
"""How many seeds one process runs before another one takes its place."""


@dataclass(frozen=True)
class Outcome:
    """What became of one seed."""

    seed: int
    wrong: tuple[str, ...]
    reached: frozenset[str]
    virtual_seconds: float
    records: int
    steps: int
    faults: int
    crashes: int
    digest: str


def run_seed(seed: int, sql: bool = False, flaw: Flaw = "", kafka: bool = False) -> Outcome:
    """Run and check one seed, on the memory store, on a simulated SQL server or on a simulated Kafka."""
    world = World(seed, sql=sql, flaw=flaw, kafka=kafka)
    world.run()
    return Outcome(
        seed,
        tuple(world.wrong),
        frozenset(sometimes(world)),
        world.loop.time(),
        len(world.space.records),
        world.loop.steps,
        sum(world.trouble.counts.values()) + sum(world.counts.values()),
        len(world.crashes),
        world.loop.digest,
    )


@dataclass
class Campaign:
    """What became of many seeds."""

    sql: bool = False
    kafka: bool = False
    seeds: int = 0
    failed: list[Outcome] = field(default_factory=list[Outcome])
    reached: Counter[str] = field(default_factory=Counter[str])
    virtual_seconds: float = 0.0
    records: int = 0
    steps: int = 0
    faults: int = 0
    crashes: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one seed."""
        self.seeds += 1
        self.reached.update(outcome.reached)
        self.virtual_seconds += outcome.virtual_seconds
        self.records += outcome.records
        self.steps += outcome.steps
        self.faults += outcome.faults
        self.crashes += outcome.crashes
        if outcome.wrong:
            self.failed.append(outcome)

    def missed(self) -> list[str]:
        """Return what was reached in too few seeds; nothing for a short campaign."""
        if self.seeds < SEEDS_MIN:
            return []
        return [name for name, share in self.wanted().items() if self.reached[name] < share * self.seeds]

    def wanted(self) -> dict[str, float]:
        """Return what must be reached, and in which share of the seeds."""
        if self.kafka:
            known = {name: share for name, share in SOMETIMES.items() if name not in NEVER_ON_KAFKA}
            return known | SOMETIMES_ON_KAFKA
        return SOMETIMES | SOMETIMES_ON_SQL if self.sql else SOMETIMES

    def report(self) -> str:
        """Say what was reached, and how often."""
        lines = [f"  {self.reached[name]:6} of {self.seeds} seeds: {name}" for name in self.wanted()]
        hours = self.virtual_seconds / 3600
        lines.append(
            f"{self.seeds} seeds, {hours:.1f} virtual hours, {self.records} records, {self.steps} steps, "
            f"{self.crashes} crashes, {self.faults} faults, {len(self.failed)} failed"
        )
        return "\n".join(lines)


def campaign(seeds: Iterable[int], processes: int, *, sql: bool = False, kafka: bool = False) -> Iterator[Outcome]:
    """Yield outcomes as they come; whoever stops asking waits for the seeds that run, and for no others."""
    run = partial(run_seed, sql=sql, kafka=kafka)
    if processes == 1:
        yield from map(run, seeds)
        return
    room, stopped = threading.Semaphore(2 * processes), False

    def asked() -> Iterator[int]:
        for seed in seeds:
            room.acquire()
            if stopped:
                return
            yield seed

    # The children come from a process without threads: a fork of this one may inherit a lock that nobody will open.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    pool = context.Pool(processes, initializer=gc.freeze, maxtasksperchild=PER_PROCESS)
    try:
        for outcome in pool.imap_unordered(run, asked()):
            room.release()
            yield outcome
    finally:
        stopped = True
        room.release()
        pool.close()
        pool.join()


def replay(seed: int, *, talk: bool, sql: bool, kafka: bool) -> int:
    """Run one seed and say everything that happens."""
    world = World(seed, trace=print if talk else None, sql=sql, kafka=kafka)
    print(world.plan)
    world.run()
    for line in world.wrong:
        print(f"WRONG {line}")
    print(f"seed {seed}: {world.loop.steps} steps, {world.loop.time():.1f} s, digest {world.loop.digest}")
    return 1 if world.wrong else 0


def replay_command(seed: int, *, sql: bool = False, kafka: bool = False) -> str:
    """Return what to type to see a seed again."""
    return f"replay: python -m tests.simulate --seed {seed}{' --sql' if sql else ' --kafka' if kafka else ''} --steps"


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign, or replay one seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone and say what is wrong")
    parser.add_argument("--steps", action="store_true", help="with --seed: say everything that happens")
    parser.add_argument("--sql", action="store_true", help="on a simulated SQL server instead of the memory store")
    parser.add_argument("--kafka", action="store_true", help="on a simulated Kafka instead of the memory store")
    parser.add_argument("--seconds", type=float, help="stop after that much time, however many seeds are left")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return replay(given.seed, talk=given.steps, sql=given.sql, kafka=given.kafka)
    began, said, total = time.monotonic(), 0.0, Campaign(given.sql, given.kafka)
    seeds = range(given.first, given.first + given.seeds)
    for outcome in campaign(seeds, given.processes, sql=given.sql, kafka=given.kafka):
        total.add(outcome)
        if outcome.wrong:
            print(f"seed {outcome.seed} FAILED: {outcome.wrong[0][:500]}")
            print(f"  {replay_command(outcome.seed, sql=given.sql, kafka=given.kafka)}", flush=True)
        elapsed = time.monotonic() - began
        if elapsed - said > 10:
            said = elapsed
            print(f"  {total.seeds} seeds in {elapsed:.0f} s, {60 * total.seeds / elapsed:.0f} a minute", flush=True)
        if given.seconds is not None and elapsed > given.seconds:
            break
    elapsed = time.monotonic() - began
    print(total.report())
    print(f"{60 * total.seeds / elapsed:.0f} seeds a minute, {total.virtual_seconds / elapsed:.0f} times real time")
    for name in total.missed():
        print(f"NOT REACHED often enough: {name} ({total.reached[name]} of {total.seeds} seeds)")
    return 1 if total.failed or total.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
