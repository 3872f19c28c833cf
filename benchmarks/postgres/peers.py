"""The race: the same work for ensue and its peers, one worker process and one client process each.

- chains: 1,000 jobs at once (DBOS 500), each of whose ends starts another; to the last job finished in storage
- reaction: one chain at a time, 20 ms apart, from A's end to B's start
- start: one job at a time, 10 ms apart, from before its enqueueing to its start
- tell: one job after another, no worker; ensue emits events
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from benchmarks.figures import Figure, Run, median, number, percentile
from benchmarks.peers import PEERS, UNFINISHED
from benchmarks.peers.contestant import A, B, records
from benchmarks.peers.environments import python_of, version_of
from benchmarks.postgres.databases import connected, database, until_none

if TYPE_CHECKING:
    from asyncpg import Connection, Record

PATIENCE_SECONDS = 120


class Asked(msgspec.Struct):
    """What a client says: when each enqueueing began, and when the last was done; monotonic nanoseconds."""

    began: list[int]
    ended: int


class Times(msgspec.Struct):
    """What a contestant took."""

    chains: list[float] = []
    loaded: list[float] = []
    reaction: list[float] = []
    start: list[float] = []
    enqueue: float = 0.0


async def measure(run: Run) -> list[Figure]:
    """Let one after another do all of it."""
    names = ("ensue", *PEERS) if run.peers else ("ensue",)
    times: dict[str, Times] = {}
    for name in names:
        async with database(run.server, f"bench_{name}") as dsn:
            times[name] = await _race(run, name, dsn)
    return _figures(times)


async def _race(run: Run, name: str, dsn: str) -> Times:
    times = Times()
    file = run.folder / name
    count = run.pick(500 if name == "dbos" else 1_000, 20)
    async with connected(dsn) as connection:
        async with _worker(name, dsn, file):
            await _chains(name, connection, dsn, file, 50, 0)  # warm
            await connection.execute("ANALYZE")
            for _ in range(run.pick(3, 1)):
                asked, seen, ended = await _chains(name, connection, dsn, file, count, 0)
                times.chains.append(count / (ended - asked.began[0]) * 1e9)
                times.loaded += _reactions(seen)
            _, seen, _ = await _chains(name, connection, dsn, file, run.pick(200, 5), 20)
            times.reaction = _reactions(seen)
            times.start = await _starts(name, dsn, file, run.pick(300, 5))
        asked = await _ask(name, dsn, "tell", run.pick(1_000, 20), 0)
        times.enqueue = len(asked.began) / (asked.ended - asked.began[0]) * 1e9
    return times


async def _chains(
    name: str, connection: Connection[Record], dsn: str, file: Path, count: int, pause: int
) -> tuple[Asked, dict[int, int], int]:
    """Offer chains and wait until they are finished in storage; return when each noted what, and when that was."""
    file.write_bytes(b"")
    asked = await _ask(name, dsn, "chains", count, pause)
    seen = await _seen(file, 2 * count)
    await asyncio.wait_for(until_none(connection, UNFINISHED[name]), PATIENCE_SECONDS)
    return asked, seen, time.monotonic_ns()


async def _starts(name: str, dsn: str, file: Path, count: int) -> list[float]:
    file.write_bytes(b"")
    asked = await _ask(name, dsn, "one", count, 10)
    seen = await _seen(file, count)
    return [(seen[B + number] - began) / 1e6 for number, began in enumerate(asked.began)]


def _reactions(seen: dict[int, int]) -> list[float]:
    return [(at - seen[A + number - B]) / 1e6 for number, at in seen.items() if number >= B]


async def _seen(file: Path, count: int) -> dict[int, int]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while file.stat().st_size < count * 16:
            await asyncio.sleep(0.002)
    return dict(records(file.read_bytes()))


async def _ask(name: str, dsn: str, what: str, count: int, pause: int) -> Asked:
    child = await _start(name, "client", dsn, what, str(count), str(pause))
    said, _ = await asyncio.wait_for(child.communicate(), PATIENCE_SECONDS)
    return msgspec.json.decode(said.splitlines()[-1], type=Asked)


@asynccontextmanager
async def _worker(name: str, dsn: str, file: Path) -> AsyncGenerator[None, None]:
    child = await _start(name, "worker", dsn, str(file))
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (line := await child.stdout.readline()) != b"ready\n":
                if not line:
                    raise RuntimeError(f"the worker of {name} did not start")
        yield
    finally:
        child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), 10)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()


async def _start(name: str, *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        python_of(name), "-m", f"benchmarks.peers.{name}_jobs", *arguments, stdin=pipe, stdout=pipe
    )


QUANTITIES = (
    ("chains", "/s"),
    ("A to B under that load, p50", "ms"),
    ("A to B under that load, p99", "ms"),
    ("A to B at rest, p50", "ms"),
    ("A to B at rest, p99", "ms"),
    ("start at rest, p50", "ms"),
    ("start at rest, p99", "ms"),
    ("emit or enqueue, one caller", "/s"),
)
"""What the table of ratios compares."""


def _figures(times: Mapping[str, Times]) -> list[Figure]:
    """Return a figure for each quantity and contestant; ensue's say what they have to keep."""
    found = {name: _values(each) for name, each in times.items()}
    figures: list[Figure] = []
    for quantity, unit in QUANTITIES:
        for name, values in found.items():
            limit: float | None = None
            aim: float | None = None
            bare: float | None = None
            others = [values[quantity] for other, values in found.items() if other != "ensue"]
            if name == "ensue" and others:
                match quantity:
                    case "chains":
                        limit, aim, bare = 3, 5, found["pgqueuer"][quantity]
                    case "A to B under that load, p50":
                        limit = min(others)
                    case "emit or enqueue, one caller":
                        limit = max(others)
                    case _:
                        pass
            figures.append(
                Figure(
                    "peers", f"{quantity}: {name}", values[quantity], unit, limit,
                    "more" if unit == "/s" else "less", "ratio" if bare else "value", aim, bare,
                )
            )  # fmt: skip
    return figures


def _values(times: Times) -> dict[str, float]:
    values = [median(times.chains)]
    values += [percentile(each, part) for each in (times.loaded, times.reaction, times.start) for part in (0.5, 0.99)]
    values.append(times.enqueue)
    return {quantity: value for (quantity, _), value in zip(QUANTITIES, values, strict=True)}


def ratios(figures: Sequence[Figure]) -> Table | None:
    """Return a table of what peers reach, and how many times better ensue is; None where there were none."""
    found = {each.name: each for each in figures if each.measure == "peers"}
    if not any(name.endswith(f": {PEERS[0]}") for name in found):
        return None
    table = Table("quantity", "unit", "ensue", box=None, pad_edge=False, header_style="bold")
    for name in PEERS:
        table.add_column(f"{name} {version_of(name)}", justify="right")
    for quantity, unit in QUANTITIES:
        ours = found[f"{quantity}: ensue"].value
        cells: list[str] = []
        for name in PEERS:
            theirs = found[f"{quantity}: {name}"].value
            times = ours / theirs if unit == "/s" else theirs / ours
            cells.append(f"{number(theirs)} ({times:.1f}x)")
        table.add_row(quantity, unit, number(ours), *cells)
    return table
