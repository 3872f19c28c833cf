"""Replaying a log of reactions: verified in memory, rebuilt into tables, asked why."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from benchmarks import programs
from benchmarks.figures import Figure, Run, median
from benchmarks.load import react
from ensue import Engine
from ensue.replay.rebuild import PAGE as REBUILD_PAGE
from ensue.replay.rebuild import Beside, rebuild_queries
from ensue.replay.verify import PAGE, fold_to, verify
from ensue_adapters.sqlite.statements import schema
from ensue_core.archive import QUERY_TABLES, Archive
from ensue_core.defaults import DEFAULTS
from ensue_projections.digests import Sum
from ensue_projections.standing import Standing
from ensue_projections.whole import OpenQueries, WholeFold


async def measure(run: Run) -> list[Figure]:
    """Make a log, then replay it in each way."""
    url = run.url("replays")
    async with programs.pings(url).running() as engine:
        await react(engine, run.pick(50_000, 200))
        asked = await _asked(engine, run.pick(100, 3))
    async with programs.pings(url) as engine:
        archive = engine.store.archive()
        await archive.open()
        count = (await archive.head()).position
        reads: list[float] = []
        folds: list[float] = []
        checks: list[float] = []
        verifies: list[float] = []
        for _ in range(run.pick(3, 1)):
            reads.append(count / await _read(archive))
            folds.append(count / await _fold(archive))
            checks.append(count / await _check(archive, count))
            began = time.perf_counter()
            assert (await verify(archive)).well
            verifies.append(count / (time.perf_counter() - began))
        store, began = engine.store, time.perf_counter()
        views = store.generations.views(await store.generations.begin())
        await Beside(store, archive, views, REBUILD_PAGE, DEFAULTS, None, None).to(None)
        rebuild = count / (time.perf_counter() - began)
        rebuilt = await rebuild_queries(store, archive)  # goes on with that one: compares and switches
        whole = count / (time.perf_counter() - began)
        assert rebuilt.records == 0
        assert not rebuilt.different
        pause = (rebuilt.pause_seconds or 0.0) * 1_000
        await archive.close()
    bare = count / _bare(run.folder / "replays.db", run.folder / "replays-bare.db")
    read = median(reads)
    return [
        Figure("replays", "fold, digests, memory", median(folds), "records/s", 150_000, "more", aim=300_000, bare=read),
        Figure("replays", "the log checked, too", median(checks), "records/s", better="more", bare=read),
        Figure("replays", "live views read, too", median(verifies), "records/s", better="more", bare=read),
        Figure("replays", "rebuild, tables", rebuild, "records/s", 0.5, "more", "ratio", bare=bare),
        Figure("replays", "compared and switched, too", whole, "records/s", better="more", bare=bare),
        Figure("replays", "pause of the switch", pause, "ms", 100),
        Figure("replays", "explain, p50", asked[0], "ms", 50),
        Figure("replays", "trace, p50", asked[1], "ms", 50),
    ]


async def _asked(engine: Engine, count: int) -> tuple[float, float]:
    """Return how long an explanation and a trace take, in milliseconds, of events all over the log."""
    explains: list[float] = []
    traces: list[float] = []
    events = [each async for each in engine.events.all(code="ping")]
    for each in events[:: max(len(events) // count, 1)][:count]:
        began = time.perf_counter()
        assert (await engine.explain("react/0", event=each.id)).verdict == "fired"
        explains.append((time.perf_counter() - began) * 1_000)
        began = time.perf_counter()
        assert (await engine.trace(each.id)).nodes == 3
        traces.append((time.perf_counter() - began) * 1_000)
    return median(explains), median(traces)


async def _read(archive: Archive) -> float:
    """Read and decode the log, and do nothing with it; return the seconds."""
    began, at = time.perf_counter(), 0
    while records := (await archive.page(at, 4_000)).records:
        at = records[-1].position
    return time.perf_counter() - began


async def _fold(archive: Archive) -> float:
    """Fold every view in memory, with digests; return the seconds."""
    began, at = time.perf_counter(), 0
    decisions, queries = Standing(), OpenQueries()
    while records := (await archive.page(at, PAGE)).records:
        for record in records:
            decisions.fold(record)
        queries.page(records)
        at = records[-1].position
    assert queries.digests()
    assert [Sum(table).digest(rows) for table, rows in decisions.rows().items()]
    return time.perf_counter() - began


async def _check(archive: Archive, count: int) -> float:
    """Check the log and fold every view in memory, with digests; return the seconds."""
    began, fold = time.perf_counter(), WholeFold(archive.namespace)
    await fold_to(archive, fold, count, PAGE, None, count)
    fold.sound.end()
    assert fold.queries.digests()
    assert fold.decisions()
    assert not fold.sound.flaws
    return time.perf_counter() - began


def _bare(path: Path, to: Path) -> float:
    """Insert the rows of every query view into the same tables and indexes with executemany; return the seconds."""
    source = sqlite3.connect(path)
    connection = sqlite3.connect(to, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = -65536")
    for statement in schema():
        connection.execute(statement)
    seconds = 0.0
    for table in QUERY_TABLES:
        columns = [f'"{row[1]}"' for row in source.execute(f"PRAGMA table_info({table})")]
        rows = source.execute(
            f"SELECT {', '.join(columns)} FROM {table} WHERE namespace = (SELECT max(namespace) FROM {table})"
        ).fetchall()
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, rows)
        connection.execute("COMMIT")
        seconds += time.perf_counter() - began
    source.close()
    connection.close()
    return seconds
